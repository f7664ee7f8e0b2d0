"""Derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from st.core import Registry
from st.core.backend import Backend
from st.core.errors import StError
from st.nn.backends import choose_backend
from st.nn.tape import Tape, Tensor, gradients

Doubles = NDArray[np.float64]

STEP = 1e-4
"""Distance of the points of a difference. With four points the error is of the order of the step
to the fourth, 1e-16, and that of rounding 1e-16 / 1e-4."""


class GradientMismatchError(StError, AssertionError):
    """A derivative is not that of its function."""


def gradcheck(
    function: Callable[..., Tensor],
    *inputs: Doubles,
    backend: Backend | None = None,
    tolerance: float = 1e-6,
) -> float:
    """Compare the gradients of a function of tensors with finite differences.

    Args:
        function: Takes as many tensors as there are `inputs` and returns a floating tensor; its
            elements are added with fixed weights.
        inputs: float64 arrays, away from points where the function has no derivative.
        backend: Where it is computed; it needs float64. The NumPy backend unless given.
        tolerance: Largest difference, relative to the largest element of the gradient.

    Returns:
        The largest relative difference found.

    Raises:
        GradientMismatchError: It is larger than `tolerance`; names the input.

    Example:
        >>> from st.nn import ops
        >>> gradcheck(lambda x: ops.tanh(x * x), np.array([0.3, -1.2])) < 1e-8
        True
    """
    runs_on = backend or _numpy()

    def value(*arrays: Doubles) -> float:
        tape = Tape(runs_on)
        made = function(*(tape.input(array) for array in arrays))
        return float((made.numpy() * weights(made.shape)).sum())

    tape = Tape(runs_on)
    tensors = [tape.input(array) for array in inputs]
    made = function(*tensors)
    found = gradients(made, tensors, tape.input(weights(made.shape)))
    largest = 0.0
    for n, (gradient, theirs) in enumerate(zip(found, differences(value, *inputs), strict=True)):
        ours = np.zeros(inputs[n].shape) if gradient is None else gradient.numpy()
        difference = relative_difference(ours, theirs)
        if not difference <= tolerance:
            raise GradientMismatchError(
                f"the gradient of input {n} is off by {difference:.3g}, allowed {tolerance:.3g}"
            )
        largest = max(largest, difference)
    return largest


def differences(function: Callable[..., float], *inputs: Doubles) -> list[Doubles]:
    """Return the gradient of a function of arrays with respect to each, by finite differences."""
    found = []
    for n, array in enumerate(inputs):
        gradient = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            points = []
            for steps in (-2, -1, 1, 2):
                moved = array.copy()
                moved[at] += steps * STEP
                points.append(function(*inputs[:n], moved, *inputs[n + 1 :]))
            # Fornberg 1988, table 1: four points, fourth order.
            difference = (points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * STEP)
            # What rounding of the four points may make of nothing is nothing.
            noise = 2 * np.finfo(np.float64).eps * max(map(abs, points)) / STEP
            gradient[at] = difference if abs(difference) > noise else 0.0
        found.append(gradient)
    return found


def weights(shape: tuple[int, ...]) -> Doubles:
    """Return the fixed weights with which the elements of a result are added."""
    return np.random.default_rng(11).uniform(0.5, 1.5, shape)


def relative_difference(ours: Doubles, theirs: Doubles) -> float:
    """Return the largest difference, relative to the largest element of `theirs`."""
    difference = float(np.abs(ours - theirs).max(initial=0.0))
    scale = float(np.abs(theirs).max(initial=0.0))
    return difference / scale if scale else difference


@cache
def _numpy() -> Backend:
    """Return the NumPy backend, from a registry that stays for the rest of the process."""
    registry = Registry(environ={}, allow=["st-nn"])
    registry.discover()
    return choose_backend(registry, "numpy").backend
