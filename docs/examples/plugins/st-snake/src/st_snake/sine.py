"""The operator `sine`: its shapes, its derivative, its parts, and a kernel for one backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import factorial, pi
from typing import Any

import numpy as np

from st.core.backend import Call, Spec
from st.nn import ops
from st.nn.tape import FLOATS, Applied, Attrs, DTypeError, Operator, Tensor, of_one

# The series to r**21 is off by less than 2e-18 at pi / 2.
_TERMS = [(-1) ** n / factorial(2 * n + 1) for n in range(11)]


def sine(x: Tensor) -> Tensor:
    """Return sin(x), x in radians. Needs the plugin to be loaded."""
    return x.tape.emit("sine", (x,))[0]


def _infer(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    (x,) = inputs
    if x.dtype not in FLOATS:
        raise DTypeError("takes floating numbers")
    return (x,)


def _vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (x,) = at.inputs
    return [dy * sine(x + pi / 2)]


def _decompose(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    """Return the sine as a series around the nearest multiple of pi."""
    (x,) = inputs
    halves = ops.where(x >= 0.0, x * (1 / pi) + 0.5, x * (1 / pi) - 0.5)
    n = ops.cast(ops.cast(halves, "int64"), x.dtype)
    pairs = ops.cast(ops.cast(n * 0.5, "int64"), x.dtype)
    odd = n - 2.0 * pairs
    r = x - n * pi
    square, series = r * r, r * 0.0 + _TERMS[-1]
    for term in reversed(_TERMS[:-1]):
        series = series * square + term
    # sin(x) = (-1)**n sin(r), and `odd` is -1, 0 or 1.
    return [series * r * (1.0 - 2.0 * odd * odd)]


def bind_numpy(
    call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]
) -> Callable[[], object]:
    """Return what runs one call on NumPy's arrays."""
    return partial(np.sin, inputs[0], outputs[0])


SINE = Operator("sine", _infer, of_one(_vjp), _decompose, arity=1)
