"""Operators that take axes away: sum, mean, largest, smallest, and where those are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from st.core.backend import Spec, spec
from st.nn.ops.elementwise import cast, compare, turned
from st.nn.ops.rules import NUMBERS, normal_axes, one_dtype
from st.nn.tape import Applied, Attrs, Operator, ShapeError, Tensor, of_one, operators

Axes = int | Sequence[int] | None


def sum(x: Tensor, axes: Axes = None, *, keep_axes: bool = False) -> Tensor:
    """Return the sum over `axes` (None: all); 0 over empty axes. `keep_axes` leaves length 1."""
    return _reduce("sum", x, axes, keep_axes)


def max(x: Tensor, axes: Axes = None, *, keep_axes: bool = False) -> Tensor:
    """Return the largest over `axes`; NaN if any is NaN. Equal ones share the gradient.

    Raises:
        ShapeError: One of the axes is empty.
    """
    return _reduce("max", x, axes, keep_axes)


def min(x: Tensor, axes: Axes = None, *, keep_axes: bool = False) -> Tensor:
    """Return the smallest over `axes`; NaN if any is NaN. Equal ones share the gradient.

    Raises:
        ShapeError: One of the axes is empty.
    """
    return _reduce("min", x, axes, keep_axes)


def mean(x: Tensor, axes: Axes = None, *, keep_axes: bool = False) -> Tensor:
    """Return the mean over `axes` (None: all) of a floating tensor; NaN over empty axes."""
    n = prod(x.shape[axis] for axis in normal_axes(axes, x.ndim))
    return sum(x, axes, keep_axes=keep_axes) * (1.0 / n if n else float("nan"))


def argmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return the int64 index of the first largest along `axis`, which is gone from the result.

    Raises:
        ShapeError: The axis is empty or outside the shape.
    """
    return x.tape.emit("argmax", (x,), {"axis": normal_axes(axis, x.ndim)[0]})[0]


def argmin(x: Tensor, axis: int = -1) -> Tensor:
    """Return the int64 index of the first smallest along `axis`, which is gone from the result.

    Raises:
        ShapeError: The axis is empty or outside the shape.
    """
    return argmax(turned(x), axis)


def kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` with length 1 at `axes`."""
    return tuple(1 if axis in axes else length for axis, length in enumerate(shape))


def _reduce(op: str, x: Tensor, axes: Axes, keep_axes: bool) -> Tensor:
    normal = normal_axes(axes, x.ndim)
    if not normal:
        return x
    (made,) = x.tape.emit(op, (x,), {"axes": normal})
    return made.reshape(*kept(x.shape, normal)) if keep_axes else made


def _without(inputs: tuple[Spec, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    shape = inputs[0].shape
    normal_axes(axes, len(shape))
    return tuple(length for axis, length in enumerate(shape) if axis not in axes)


def _summed(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    return (spec(_without(inputs, attrs["axes"]), one_dtype(inputs, NUMBERS)),)


def _largest(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    (made,) = _summed(inputs, attrs)
    if any(inputs[0].shape[axis] == 0 for axis in attrs["axes"]):
        raise ShapeError(f"axes {attrs['axes']} hold nothing to choose from")
    return (made,)


def _located(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    (made,) = _largest(inputs, {"axes": (attrs["axis"],)})
    return (spec(made.shape, "int64"),)


def _min(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    return [turned(max(turned(inputs[0]), attrs["axes"]))]


def _sum_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (x,) = at.inputs
    return [dy.reshape(*kept(x.shape, at.attrs["axes"])).broadcast_to(x.shape)]


def _chosen_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (x,), (y,), axes = at.inputs, at.outputs, at.attrs["axes"]
    shape = kept(x.shape, axes)
    chosen = cast(compare(x, y.reshape(*shape), "eq"), x.dtype)
    share = dy / sum(chosen, axes)
    return [chosen * share.reshape(*shape)]


operators.register(Operator("sum", _summed, of_one(_sum_vjp)))
operators.register(Operator("max", _largest, of_one(_chosen_vjp)))
operators.register(Operator("min", _largest, of_one(_chosen_vjp), _min, 1))
operators.register(Operator("argmax", _located))
