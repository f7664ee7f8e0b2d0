"""Losses: their targets, and numbers at the edges."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn import ops
from st.nn.losses import CrossEntropy, LabelError
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import ShapeError, Tape, gradients


def test_target_is_one_label_a_row() -> None:
    assert CrossEntropy().target(spec((5, 3), "float32")) is spec((5,), "int64")


def test_prediction_without_classes_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"logits \(batch, classes\), the model gives \(5,\)"):
        CrossEntropy().target(spec((5,), "float32"))


def test_loss_of_equal_logits_is_the_logarithm_of_the_classes() -> None:
    tape = Tape(NumPyBackend())

    loss = CrossEntropy().forward(tape.input(np.zeros((4, 7))), tape.input(np.array([0, 1, 6, 3])))

    assert loss.numpy() == pytest.approx(np.log(7), rel=1e-12)


def test_several_labels_of_an_example_count_like_as_many_examples() -> None:
    logits = np.random.default_rng(1).normal(size=(3, 4, 5))
    labels = np.arange(12).reshape(3, 4) % 5
    tape = Tape(NumPyBackend())

    loss = CrossEntropy().forward(tape.input(logits), tape.input(labels))

    powers = np.exp(logits)
    right = np.take_along_axis(powers, labels[..., np.newaxis], -1)[..., 0]
    assert CrossEntropy().target(spec(logits.shape, "float64")) is spec((3, 4), "int64")
    assert loss.numpy() == pytest.approx(-np.log(right / powers.sum(-1)).mean(), rel=1e-12)


@pytest.mark.parametrize("label", [-1, 5])
def test_every_label_of_an_example_is_checked(label: int) -> None:
    prediction = spec((2, 3, 5), "float32")
    CrossEntropy().check(np.full((2, 3), 4), prediction)

    with pytest.raises(LabelError, match=f"label {label} is outside the 5 classes 0 to 4"):
        CrossEntropy().check(np.array([[0, 1, 2], [3, label, 0]]), prediction)


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_large_logits_overflow_nowhere(size: float) -> None:
    tape = Tape(NumPyBackend())
    logits = tape.input(np.array([[size, 0.0], [-size, 0.0]]))

    loss = ops.cross_entropy(logits, tape.input(np.array([1, 1])))
    (gradient,) = gradients(ops.sum(loss), [logits])

    assert gradient is not None
    np.testing.assert_allclose(loss.numpy(), [size, 0.0])
    np.testing.assert_allclose(gradient.numpy(), [[1, -1], [0, 0]], atol=1e-12)
