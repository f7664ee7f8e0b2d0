"""Operators that combine values along an axis: the product, and sums so far."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod as product

from st.core.backend import Spec
from st.nn.ops.reduce import Axes, kept
from st.nn.ops.rules import NUMBERS, normal_axes, one_dtype
from st.nn.tape import Applied, Attrs, Operator, Tensor, of_one, operators


def cumsum(x: Tensor, axis: int = -1, *, reverse: bool = False) -> Tensor:
    """Return at each place the sum of x up to and with it; from it to the end when `reverse`.

    Integers wrap around.

    Raises:
        ShapeError: The axis is outside the shape.
    """
    attrs = {"axis": normal_axes(axis, x.ndim)[0], "reverse": reverse}
    return x.tape.emit("cumsum", (x,), attrs)[0]


def prod(x: Tensor, axes: Axes = None, *, keep_axes: bool = False) -> Tensor:
    """Return the product over `axes` (None: all); 1 over empty axes. `keep_axes` leaves length 1.

    Integers wrap around. The gradient is exact where factors are 0.
    """
    normal = normal_axes(axes, x.ndim)
    if not normal:
        return x
    left = tuple(a for a in range(x.ndim) if a not in normal)
    made = _halved(x.transpose(*normal, *left), tuple(x.shape[a] for a in left))
    return made.reshape(*kept(x.shape, normal)) if keep_axes else made


def _halved(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Multiply the first half with the second until one is left; odd ones wait for the end."""
    n = product(x.shape[: x.ndim - len(shape)])
    if x.spec.size == 0:
        return x.tape.full(shape, 1, x.dtype)
    y, odd = x.reshape(n, *shape), None
    while n > 1:
        half = n // 2
        if n % 2:
            odd = y[n - 1] if odd is None else odd * y[n - 1]
        y, n = y[:half] * y[half : 2 * half], half
    return y[0] if odd is None else y[0] * odd


def _running(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    normal_axes(attrs["axis"], len(inputs[0].shape))
    one_dtype(inputs, NUMBERS)
    return inputs


def _cumsum(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Add to each what lies 1, 2, 4 … places off: log2(n) additions for each element.

    Hillis and Steele, Data Parallel Algorithms, 1986. A product with a triangular matrix would
    turn every value of a row with an infinity into NaN.
    """
    (x,) = inputs
    axis, tape = attrs["axis"], x.tape
    order = (axis, *(a for a in range(x.ndim) if a != axis))
    y, n, step = x.transpose(*order), x.shape[axis], 1
    if x.spec.size == 0:
        return [tape.full(x.shape, 0, x.dtype)]
    while step < n:
        made = tape.new(y.spec)
        same, summed = slice(step), slice(step, n)
        if attrs["reverse"]:
            same, summed = slice(n - step, n), slice(n - step)
        tape.emit("copy", (y[same],), out=(made[same],))
        tape.emit("add", (y[step:], y[: n - step]), out=(made[summed],))
        y, step = made, 2 * step
    return [y.transpose(*sorted(range(x.ndim), key=order.__getitem__))]


def _cumsum_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [cumsum(dy, at.attrs["axis"], reverse=not at.attrs["reverse"])]


operators.register(Operator("cumsum", _running, of_one(_cumsum_vjp), _cumsum, 1))
