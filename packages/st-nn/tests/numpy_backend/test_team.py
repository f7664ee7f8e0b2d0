"""Threads that do launches together: the same results, whoever is faster, and an orderly end."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core import LoadError, Registry
from st.core.backend import Call, Plan, Storage, dense, spec
from st.nn import (
    Adam,
    Conv2d,
    CrossEntropy,
    Flatten,
    Linear,
    MaxPool2d,
    Model,
    Module,
    Predictor,
    Relu,
    TrainingStep,
    TransformerBlock,
)
from st.nn.numpy_backend import NumPyBackend
from st.nn.numpy_backend.team import Team, is_shared, shares
from st.nn.numpy_backend.threads import BlasThreads

BATCH = 24


def images() -> tuple[Model, NDArray[np.float32]]:
    """Give a model whose convolutions and products are worth sharing, and images for it."""
    modules: list[tuple[str, Module]] = [
        ("0", Conv2d(out_channels=16, padding=1)),
        ("1", Relu()),
        ("2", Conv2d(out_channels=16, padding=1)),
        ("3", MaxPool2d()),
        ("4", Flatten()),
        ("5", Linear(out_features=256)),
        ("6", Linear(out_features=5)),
    ]
    x = np.random.default_rng(0).random((BATCH, 20, 20, 1), np.float32)
    return Model(modules, spec(x.shape[1:], "float32")), x


def rows() -> tuple[Model, NDArray[np.float32]]:
    """Give a model that attends and normalises, and rows for it."""
    modules: list[tuple[str, Module]] = [
        ("0", TransformerBlock(heads=4, causal=True)),
        ("1", Flatten()),
        ("2", Linear(out_features=5)),
    ]
    x = np.random.default_rng(0).random((BATCH, 64, 64), np.float32)
    return Model(modules, spec(x.shape[1:], "float32")), x


def trained(made: tuple[Model, NDArray[np.float32]], n_threads: int) -> tuple[NDArray, str]:
    """Return the parameters after three steps, and what the backend says of itself."""
    model, x = made
    y = np.arange(BATCH) % 5
    backend = NumPyBackend(n_threads=n_threads)
    step = TrainingStep(model, CrossEntropy(), Adam(lr=1e-3), backend, BATCH, model.initialise(1))
    for _ in range(3):
        step.run(x, y)
    backend.close()
    values = [value.ravel() for value in step.parameters().values()]
    return np.concatenate(values), backend.description


@pytest.mark.parametrize("made", [images(), rows()], ids=["images", "rows"])
@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_give_what_one_gives(
    made: tuple[Model, NDArray[np.float32]], n_threads: int
) -> None:
    alone, _ = trained(made, 1)

    together, description = trained(made, n_threads)
    again, _ = trained(made, n_threads)

    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    assert together.tobytes() == again.tobytes()
    assert description == f"NumPy, {n_threads} threads"


def test_one_thread_is_one_in_everything() -> None:
    backend = NumPyBackend(n_threads=1)

    assert backend.team is None
    assert backend.threads.limit == 1
    before = BlasThreads()
    backend.threads.use(1)
    backend.close()
    assert BlasThreads().limit == before.limit == backend.threads.current


def test_rows_are_shared_evenly_and_in_order() -> None:
    assert shares(10, 3) == [(0, 3), (3, 6), (6, 10)]
    assert shares(2, 4) == [(0, 1), (1, 2)]
    assert shares(0, 2) == []


def test_small_products_are_not_shared() -> None:
    def product(n: int) -> Call:
        of = spec((n, n), "float32")
        x, y = (dense(Storage(of.nbytes, "temp"), of) for _ in range(2))
        return Call("matmul", (x, x), (y,))

    assert not is_shared(product(128))
    assert is_shared(product(256))


def test_failure_of_another_thread_reaches_the_caller() -> None:
    team = Team(2)

    with pytest.raises(ZeroDivisionError):
        team.run([lambda: None, lambda: 1 // 0])

    team.close()


def test_predictions_of_several_callers_share_a_team() -> None:
    model, x = images()
    backend = NumPyBackend(n_threads=2)
    predictor = Predictor(model, model.initialise(1), backend)
    expected = predictor(x)
    barrier = threading.Barrier(4)
    found: list[NDArray[np.float32]] = []

    def predict() -> None:
        barrier.wait()
        found.append(predictor(x))

    callers = [threading.Thread(target=predict) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    backend.close()

    assert [made.tobytes() for made in found] == [expected.tobytes()] * 4


def test_launches_of_a_team_are_told_in_order_by_the_caller() -> None:
    x, y, z = (dense(Storage(4 << 20, "temp"), spec((1 << 20,), "float32")) for _ in range(3))
    place = dense(Storage(8, "temp"), spec((), "int64"))
    found = Call("argmax", (y,), (place,), (("axis", 0),))
    plan = Plan((Call("exp", (x,), (y,)), found, Call("neg", (y,), (z,))), ())
    backend = NumPyBackend(n_threads=2)
    told: list[tuple[int, str]] = []

    backend.bind(plan, {}).run(
        lambda launch, start_ns, end_ns: told.append((launch, threading.current_thread().name))
    )
    backend.close()

    assert told == [(n, threading.current_thread().name) for n in range(3)]


def test_plugin_takes_the_number_from_its_configuration() -> None:
    with Registry(environ={"ST_NUMPY__THREADS": "2"}, allow=["st-nn"]) as registry:
        registry.discover()
        registry.load("numpy")

        assert registry.get_service("backend.numpy").description == "NumPy, 2 threads"


def test_negative_number_of_threads_is_refused() -> None:
    with Registry(environ={"ST_NUMPY__THREADS": "-1"}, allow=["st-nn"]) as registry:
        registry.discover()

        with pytest.raises(LoadError, match="threads is -1, expected 0"):
            registry.load("numpy")


def test_unloading_the_plugin_ends_its_threads() -> None:
    with Registry(environ={"ST_NUMPY__THREADS": "2"}, allow=["st-nn"]) as registry:
        registry.discover()
        registry.load("numpy")
        registry.get_service("backend.numpy").team.run([lambda: None, lambda: None])

        registry.unregister("numpy")

        assert not [t for t in threading.enumerate() if t.name.startswith("st-numpy")]
