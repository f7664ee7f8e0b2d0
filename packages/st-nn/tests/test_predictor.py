"""Predictions: values, batch sizes, threads."""

from threading import Barrier, Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import spec
from st.nn.flat import ParameterError
from st.nn.host import BatchError
from st.nn.model import Model
from st.nn.modules import Linear, Relu
from st.nn.numpy_backend import NumPyBackend
from st.nn.predictor import MAX_PLANS, Predictor

MODEL = Model(
    [("0", Linear(out_features=7)), ("1", Relu()), ("2", Linear(out_features=2))],
    spec((5,), "float32"),
)
PARAMETERS = MODEL.initialise(3)


def by_hand(x: NDArray[np.float32]) -> NDArray[np.float64]:
    p = {name: value.astype(np.float64) for name, value in PARAMETERS.items()}
    return np.maximum(x @ p["0.weight"] + p["0.bias"], 0) @ p["2.weight"] + p["2.bias"]


def inputs(n: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(MODEL, PARAMETERS, NumPyBackend())


@pytest.mark.parametrize("n", [0, 1, 2, 33, 500])
def test_batch_of_any_size_is_predicted(predictor: Predictor, n: int) -> None:
    x = inputs(n)

    np.testing.assert_allclose(predictor(x), by_hand(x), rtol=0, atol=1e-5)


def test_more_sizes_than_are_kept_are_predicted(predictor: Predictor) -> None:
    for n in [*range(1, MAX_PLANS + 3), 1]:
        np.testing.assert_allclose(predictor(inputs(n)), by_hand(inputs(n)), rtol=0, atol=1e-5)


def test_result_is_not_overwritten_by_the_next_call(predictor: Predictor) -> None:
    first = predictor(inputs(3, seed=1))
    kept = first.copy()

    predictor(inputs(3, seed=2))

    np.testing.assert_array_equal(first, kept)


def test_identity_model_gives_its_input() -> None:
    model = Model([], spec((5,), "float32"))

    np.testing.assert_array_equal(Predictor(model, {}, NumPyBackend())(inputs(4)), inputs(4))


def test_wrong_shape_is_refused(predictor: Predictor) -> None:
    with pytest.raises(BatchError, match=r"x has shape \(3, 4\), expected \(batch, 5\)"):
        predictor(np.zeros((3, 4), np.float32))


def test_missing_parameter_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'2\.bias' is missing"):
        Predictor(MODEL, {k: v for k, v in PARAMETERS.items() if k != "2.bias"}, NumPyBackend())


def test_threads_at_once_each_get_their_own_result(predictor: Predictor) -> None:
    n_threads, n_rounds = 6, 30
    barrier = Barrier(n_threads)
    wrong: list[int] = []

    def work(n: int) -> None:
        for turn in range(n_rounds):
            x = inputs(1 + (n + turn) % 3, seed=100 * n + turn)
            barrier.wait()
            if not np.allclose(predictor(x), by_hand(x), atol=1e-5):
                wrong.append(n)

    threads = [Thread(target=work, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
