"""Training steps: plan against eager, batches, loss, state, memory, telling."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import spec
from st.nn.flat import ParameterError
from st.nn.host import BatchError
from st.nn.losses import CrossEntropy, LabelError
from st.nn.model import Model
from st.nn.modules import Flatten, Linear, Module, Relu, Scope
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import Adam
from st.nn.selfcheck import PlanMismatchError
from st.nn.step import MAX_PLANS, TrainingStep
from st.nn.tape import ShapeError, Tensor

N_CLASSES = 3


def made_model(dtype: str = "float32") -> Model:
    layers = [Flatten(), Linear(out_features=6), Relu(), Linear(out_features=N_CLASSES)]
    return Model([(str(n), layer) for n, layer in enumerate(layers)], spec((2, 4), dtype))


def made_step(batch_size: int = 8, backend: NumPyBackend | None = None) -> TrainingStep:
    model = made_model()
    backend = backend or NumPyBackend()
    first = model.initialise(1)
    return TrainingStep(model, CrossEntropy(), Adam(lr=0.05), backend, batch_size, first)


def batch(n: int = 8, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 2, 4)).astype(np.float32)
    return x, generator.integers(0, N_CLASSES, n)


def loss_by_hand(parameters: dict[str, NDArray[Any]], x: NDArray[Any], y: NDArray[Any]) -> float:
    p = {name: value.astype(np.float64) for name, value in parameters.items()}
    h = np.maximum(x.reshape(len(x), -1) @ p["1.weight"] + p["1.bias"], 0)
    z = h @ p["3.weight"] + p["3.bias"]
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]).mean())


def test_plan_equals_eager_bit_for_bit() -> None:
    step = made_step()
    x, y = batch()
    step.run(x, y)

    assert step.check(x, y) == 0.0


def test_check_leaves_the_state_as_it_was() -> None:
    step, other = made_step(), made_step()
    x, y = batch()

    step.check(x, y)
    step.run(x, y)
    other.run(x, y)

    assert step.read_loss() == other.read_loss()
    for name, value in step.parameters().items():
        np.testing.assert_array_equal(value, other.parameters()[name])
    for name, vector in step.state().items():
        np.testing.assert_array_equal(vector, other.state()[name])


class WrongWhenBound(NumPyBackend):
    """Adds one to every maximum of a bound plan."""

    def bind(self, plan: Any, memory: Any, *, keep: bool = False) -> Any:
        right = self.binders

        def wrong(call: Any, inputs: Any, outputs: Any) -> Any:
            run = right["maximum"](call, inputs, outputs)
            return lambda: (run(), np.add(outputs[0], 1, out=outputs[0]))

        self.binders = {**right, "maximum": wrong}
        try:
            return super().bind(plan, memory, keep=keep)
        finally:
            self.binders = right


def test_check_names_the_first_operator_that_differs() -> None:
    step = made_step(backend=WrongWhenBound())

    with pytest.raises(PlanMismatchError, match=r"Call\(maximum: .* at 2\), largest") as caught:
        step.check(*batch())

    assert (caught.value.op, caught.value.where) == ("maximum", "2")


def test_loss_is_that_of_the_formula() -> None:
    step = made_step()
    x, y = batch()
    expected = loss_by_hand(step.parameters(), x, y)

    step.run(x, y)

    assert step.read_loss() == pytest.approx(expected, rel=1e-5)


def test_loss_is_the_mean_over_examples_of_all_batch_sizes() -> None:
    step = made_step()
    step.learning_rate = 1e-30
    batches = [batch(8, 1), batch(8, 2), batch(3, 3)]
    expected = [loss_by_hand(step.parameters(), x, y) for x, y in batches]

    for x, y in batches:
        step.run(x, y)

    assert step.read_loss() == pytest.approx(np.average(expected, weights=[8, 8, 3]), rel=1e-5)


def test_reading_the_loss_starts_over() -> None:
    step = made_step()
    step.run(*batch())
    step.read_loss()

    assert np.isnan(step.read_loss())


def test_training_makes_the_loss_small() -> None:
    step = made_step()
    x, y = batch()
    for _ in range(200):
        step.run(x, y)
    step.read_loss()
    step.run(x, y)

    assert step.read_loss() < 0.01


def test_batch_sizes_share_parameters_and_state() -> None:
    step, other = made_step(8), made_step(5)
    for n, size in enumerate((8, 5, 8, 5)):
        step.run(*batch(size, n))
        other.run(*batch(size, n))

    for name, value in step.parameters().items():
        np.testing.assert_array_equal(value, other.parameters()[name])


def test_more_batch_sizes_than_are_kept_lose_no_loss() -> None:
    step = made_step()
    step.learning_rate = 1e-30
    sizes = range(1, MAX_PLANS + 4)
    expected = [loss_by_hand(step.parameters(), *batch(n, n)) for n in sizes]

    for n in sizes:
        step.run(*batch(n, n))

    assert step.read_loss() == pytest.approx(np.average(expected, weights=list(sizes)), rel=1e-5)


def test_restored_step_goes_on_with_the_same_bits() -> None:
    step = made_step()
    for n in range(3):
        step.run(*batch(seed=n))
    other = made_step()

    other.load_parameters(step.parameters())
    other.load_state(step.state())
    step.run(*batch(seed=9))
    other.run(*batch(seed=9))

    assert other.n_steps == 4
    for name, value in step.parameters().items():
        np.testing.assert_array_equal(value, other.parameters()[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("3.bias"), "'3.bias' is missing"),
        (lambda p: p.update(extra=np.zeros(3)), "'extra' is none of this model"),
        (lambda p: p.update({"3.bias": np.zeros(4)}), r"'3.bias' has shape \(3,\), got \(4,\)"),
    ],
    ids=["missing", "unknown", "shape"],
)
def test_parameters_that_are_not_the_models_are_refused(change: Any, message: str) -> None:
    step = made_step()
    parameters = step.parameters()
    change(parameters)

    with pytest.raises(ParameterError, match=message):
        step.load_parameters(parameters)


def test_state_of_another_optimizer_is_refused() -> None:
    step = made_step()

    with pytest.raises(ParameterError, match=r"has momentum, expected optimizer\.sum"):
        step.load_state({"momentum": np.zeros(3)})


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((8, 9), np.float32), np.zeros(8, np.int64), r"x has shape \(8, 9\), expected"),
        (np.zeros((8, 2, 4), np.float32), np.zeros(7, np.int64), r"y has shape \(7,\), expected"),
        (np.zeros((8, 2, 4), np.float32), np.zeros(8), "y is float64, expected int64"),
        (np.zeros((0, 2, 4), np.float32), np.zeros(0, np.int64), "at least one example"),
        (np.zeros((), np.float32), np.zeros(8, np.int64), "at least one example"),
    ],
    ids=["features", "labels", "kind", "empty", "scalar"],
)
def test_what_is_no_batch_is_refused(x: Any, y: Any, message: str) -> None:
    with pytest.raises(BatchError, match=message):
        made_step().run(x, y)


@pytest.mark.parametrize("label", [-1, N_CLASSES, np.iinfo(np.int64).min])
def test_label_outside_the_classes_is_refused(label: int) -> None:
    x, y = batch()
    y[3] = label

    with pytest.raises(LabelError, match=f"label {label} is outside the 3 classes 0 to 2"):
        made_step().run(x, y)


def test_model_that_gives_no_logits_is_refused() -> None:
    model = Model([("0", Relu())], spec((), "float32"))

    with pytest.raises(ShapeError, match=r"logits \(batch, classes\)"):
        TrainingStep(model, CrossEntropy(), Adam(), NumPyBackend(), 2, {})


class Ignored(Module, frozen=True):
    """Declares a parameter that the output does not depend on."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        from st.nn.init import ones

        scope.parameter("unused", (3,), ones())
        return x


def test_parameter_without_influence_stays() -> None:
    model = Model([("0", Ignored()), ("1", Linear(out_features=3))], spec((4,), "float32"))
    first = model.initialise(0)
    step = TrainingStep(model, CrossEntropy(), Adam(), NumPyBackend(), 8, first)

    step.run(np.ones((8, 4), np.float32), np.zeros(8, np.int64))

    np.testing.assert_array_equal(step.parameters()["0.unused"], np.ones(3))


def test_replay_tells_each_launch_while_somebody_listens() -> None:
    backend = NumPyBackend()
    step = made_step(backend=backend)
    told: list[tuple[Any, ...]] = []
    backend.topic = SimpleNamespace(record=told.append)
    step.run(*batch())
    backend.topic = SimpleNamespace(record=None)
    step.run(*batch())

    ops = [op for record in told for op in record[0].split("+")]
    assert len(ops) == step.n_calls
    op, shapes, start_ns, end_ns, name, where = told[0]
    assert (op, shapes, name, where) == ("matmul", ((8, 8), (8, 6)), "NumPy", "1")
    assert start_ns <= end_ns


def test_explanation_counts_the_calls_and_operations() -> None:
    step = made_step()

    text = step.explain()

    # Forward 8x8x6 and 8x6x3, backward one more of the first and two of the second.
    n_operations = 2 * (2 * 8 * 8 * 6 + 3 * 8 * 6 * 3)
    assert f"{n_operations:,}" in text
    assert f"{step.n_bytes:,} bytes" in text
    assert f"all{step.n_calls:>17}" in text


def test_float64_model_trains_in_float64() -> None:
    model = made_model("float64")
    step = TrainingStep(model, CrossEntropy(), Adam(), NumPyBackend(), 8, model.initialise(1))
    x, y = batch()
    step.run(x, y)

    assert {value.dtype for value in step.parameters().values()} == {np.dtype(np.float64)}
    assert step.check(x, y) == 0.0
