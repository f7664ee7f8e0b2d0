"""Derivatives are made of operators: every one can be derived again, and exactly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape, gradients
from st.nn.testing import OperatorCase, operator_cases
from st.nn.testing.gradient import STEP, weights

BACKEND = NumPyBackend()
CASES = operator_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_second_derivative_agrees_with_differences_of_the_first(case: OperatorCase) -> None:
    directions = [weights(x.shape) for x in case.inputs]

    (value, second) = derived(case, 0.0)

    slope = sum(float((d * g).sum()) for d, g in zip(directions, second, strict=True))
    points = [derived(case, steps * STEP)[0] for steps in (-2, -1, 1, 2)]
    difference = (points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * STEP)
    assert slope == pytest.approx(difference, rel=1e-6, abs=1e-9 * max(1.0, abs(value)))


def derived(case: OperatorCase, step: float) -> tuple[float, list[NDArray[np.float64]]]:
    """Return the weighed first derivative of a case, its inputs moved, and its own derivative."""
    tape = Tape(BACKEND)
    inputs = [tape.input(x + step * weights(x.shape)) for x in case.inputs]
    # tanh makes every function bend, so that no second derivative is 0.
    found = gradients(ops.sum(ops.tanh(case.function(*inputs))), inputs)
    total = tape.full((), 0.0, "float64")
    for gradient, x in zip(found, inputs, strict=True):
        if gradient is not None:
            total = total + ops.sum(gradient * tape.constant(weights(x.shape)))
    second = gradients(total, inputs)
    return float(total.item()), [
        np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(second, inputs, strict=True)
    ]


def test_third_derivative_of_a_product() -> None:
    tape = Tape(BACKEND)
    x = tape.input(np.array([2.0, -3.0]))
    y = ops.sum(x * x * x * x)
    for _ in range(2):
        (dx,) = gradients(y, [x])
        assert dx is not None
        y = ops.sum(dx)

    (third,) = gradients(y, [x])
    assert third is not None
    np.testing.assert_allclose(third.numpy(), 24 * x.numpy())


def test_no_derivative_goes_through_a_detached_value() -> None:
    tape = Tape(BACKEND)
    x = tape.input(np.array([2.0, -3.0]))

    (dx,) = gradients(ops.sum(x * x.detach()), [x])

    assert dx is not None
    np.testing.assert_array_equal(dx.numpy(), x.numpy())
