"""Batch norm gives PyTorch's outputs, gradients and running state; reference/ holds the vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import spec
from st.nn import ops
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import BatchNorm, Linear
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import SGD
from st.nn.predictor import Predictor
from st.nn.scope import TapeScope
from st.nn.step import TrainingStep
from st.nn.tape import ShapeError, Tape, gradients
from st.nn.variables import Variables, write_assigned

TORCH = np.load(Path(__file__).parents[1] / "reference/torch_batch_norm.npz")
MODULES = {
    "rows": BatchNorm(),
    "sequence": BatchNorm(momentum=0.3, eps=1e-3),
    "images": BatchNorm(),
    "last-batch-only": BatchNorm(momentum=1.0),
}
N_STEPS = 3


def assert_near(made: NDArray[Any], expected: NDArray[Any]) -> None:
    """Compare within 1e-5 of the largest element: float32 loses that much in sums that cancel."""
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize("name", MODULES)
def test_three_steps_give_pytorchs_outputs_gradients_and_running_state(name: str) -> None:
    tape = Tape(NumPyBackend())
    n_channels = len(TORCH[f"{name}/scale"])
    values = {"scale": TORCH[f"{name}/scale"], "shift": TORCH[f"{name}/shift"]}
    values |= {"mean": np.zeros(n_channels, "f4"), "variance": np.ones(n_channels, "f4")}
    views = {f"bn.{key}": tape.input(value).view for key, value in values.items()}

    for n in range(N_STEPS):
        stored = {key: TORCH[f"{name}/{n}.{key}"] for key in ("x", "dy", "y", "mean", "variance")}
        x, variables = tape.input(stored["x"]), Variables("float32", views)
        y = TapeScope(tape, variables, "", True).apply("bn", MODULES[name], x)
        used = variables.parameters
        loss = ops.sum(y * tape.input(stored["dy"]))
        dx, dscale, dshift = gradients(loss, [x, used["bn.scale"], used["bn.shift"]])
        write_assigned(tape, variables, views)

        assert_near(y.numpy(), stored["y"])
        for key, gradient in (("dx", dx), ("dscale", dscale), ("dshift", dshift)):
            assert gradient is not None
            assert_near(gradient.numpy(), TORCH[f"{name}/{n}.{key}"])
        for key in ("mean", "variance"):
            assert_near(tape.tensor(views[f"bn.{key}"]).numpy(), stored[key])


@pytest.mark.parametrize("name", MODULES)
def test_predictions_are_pytorchs(name: str) -> None:
    x, last = TORCH[f"{name}/0.x"], N_STEPS - 1
    kept = {"0.scale": TORCH[f"{name}/scale"], "0.shift": TORCH[f"{name}/shift"]}
    kept |= {f"0.{key}": TORCH[f"{name}/{last}.{key}"] for key in ("mean", "variance")}
    model = Model([("0", MODULES[name])], spec(x.shape[1:], "float32"))

    assert_near(Predictor(model, kept, NumPyBackend())(x), TORCH[f"{name}/predicted"])


def made_step() -> TrainingStep:
    modules = [("0", BatchNorm()), ("1", Linear(out_features=2))]
    model = Model(modules, spec((3,), "float32"))
    first = model.initialise(0)
    return TrainingStep(model, CrossEntropy(), SGD(lr=0.1), NumPyBackend(), 4, first)


def test_step_equals_eager_bit_for_bit_and_keeps_running_state() -> None:
    step = made_step()
    x = np.random.default_rng(0).normal(2.0, 3.0, (4, 3)).astype(np.float32)
    y = np.array([0, 1, 1, 0])

    for _ in range(2):
        assert step.check(x, y) == 0.0
        step.run(x, y)

    kept = step.parameters()
    np.testing.assert_allclose(kept["0.mean"], 0.19 * x.mean(0), rtol=1e-5)
    expected = 0.81 + 0.19 * x.var(0, ddof=1)
    np.testing.assert_allclose(kept["0.variance"], expected, rtol=1e-5)


def test_single_example_is_brought_to_size_by_what_is_known_and_changes_nothing() -> None:
    step = made_step()
    before = step.parameters()

    step.run(np.full((1, 3), 5.0, np.float32), np.array([1]))

    after = step.parameters()
    assert np.isfinite(step.read_loss())
    for name in ("0.mean", "0.variance"):
        np.testing.assert_array_equal(after[name], before[name])
    assert not np.array_equal(after["1.weight"], before["1.weight"])


def test_input_without_channels_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"0 \(batch_norm\): input has no channels"):
        Model([("0", BatchNorm())], spec((), "float32"))
