"""Losses give PyTorch's values and gradients, which reference/make_torch_criteria.py stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    LabelError,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SmoothL1,
)
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape, gradients

TORCH = json.loads((Path(__file__).parent / "reference/torch_criteria.json").read_text())
LOSSES = {
    "cross_entropy": CrossEntropy(),
    "cross_entropy-smooth": CrossEntropy(label_smoothing=0.2),
    "cross_entropy-ignored": CrossEntropy(ignore_index=3),
    "cross_entropy-rows": CrossEntropy(),
    "cross_entropy-rows-both": CrossEntropy(label_smoothing=0.1, ignore_index=2),
    "mse": MeanSquaredError(),
    "l1": MeanAbsoluteError(),
    "huber": Huber(delta=0.7),
    "smooth_l1": SmoothL1(beta=0.7),
    "binary_cross_entropy": BinaryCrossEntropy(),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_are_pytorchs(name: str, dtype: str, tolerance: float) -> None:
    loss = LOSSES[name]
    x, y = np.array(TORCH[name]["prediction"]), np.array(TORCH[name]["target"])
    tape = Tape(NumPyBackend())
    prediction = tape.input(x.astype(dtype))
    target = loss.target(spec(x.shape, dtype))
    loss.check(y.astype(target.dtype), spec(x.shape, dtype))

    value = loss.forward(prediction, tape.input(y.astype(target.dtype)))
    (gradient,) = gradients(value, [prediction])

    assert gradient is not None
    assert value.dtype == gradient.dtype == dtype
    assert value.item() == pytest.approx(TORCH[name]["value"], rel=tolerance)
    expected = np.array(TORCH[name]["gradient"])
    np.testing.assert_allclose(
        gradient.numpy(), expected, rtol=0, atol=tolerance * np.abs(expected).max()
    )


def test_ignored_label_may_be_outside_the_classes() -> None:
    loss = CrossEntropy(ignore_index=-100)
    labels = np.array([1, -100, 0])
    x = np.random.default_rng(2).normal(size=(3, 4))
    tape = Tape(NumPyBackend())

    loss.check(labels, spec((3, 4), "float64"))
    value = loss.forward(tape.input(x), tape.input(labels)).item()
    without = CrossEntropy().forward(tape.input(x[[0, 2]]), tape.input(labels[[0, 2]])).item()

    assert value == pytest.approx(without, rel=1e-12)
    with pytest.raises(LabelError, match="label -1 is outside the 4 classes"):
        loss.check(np.array([-100, -1]), spec((2, 4), "float64"))


@pytest.mark.parametrize("value", [-0.5, 1.5, float("nan")])
def test_target_of_yes_and_no_is_between_0_and_1(value: float) -> None:
    with pytest.raises(LabelError, match=r"is not between 0 \(no\) and 1 \(yes\)"):
        BinaryCrossEntropy().check(np.array([0.0, value]), spec((2,), "float64"))


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), Huber(), MeanAbsoluteError(), SmoothL1()])
def test_huge_predictions_give_finite_losses_and_gradients(loss: Loss) -> None:
    tape = Tape(NumPyBackend())
    x = tape.input(np.array([1e30, -1e30, 1000.0], np.float32))

    value = loss.forward(x, tape.input(np.array([0.0, 1.0, 1.0], np.float32)))
    (gradient,) = gradients(value, [x])

    assert gradient is not None
    assert np.isfinite(value.numpy())
    assert np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("n_classes", [512, 513])
def test_gradient_of_many_classes_is_the_difference_of_shares(n_classes: int) -> None:
    generator = np.random.default_rng(4)
    x, labels = generator.normal(size=(3, n_classes)), np.array([0, 7, n_classes - 1])
    tape = Tape(NumPyBackend())
    logits = tape.input(x)

    (gradient,) = gradients(CrossEntropy().forward(logits, tape.input(labels)), [logits])

    assert gradient is not None
    shares = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    shares[np.arange(3), labels] -= 1
    np.testing.assert_allclose(gradient.numpy(), shares / 3, atol=1e-12)
    # No square of the classes is kept.
    assert max(values.size for values in tape.constants.values()) <= 512 * 512
