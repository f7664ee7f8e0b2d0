"""Operators that pick and place single values along one axis, each row at indices of its own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from st.core.backend import Spec, spec
from st.nn.ops.elementwise import cast, compare, maximum, where
from st.nn.ops.index import scatter_add, take
from st.nn.ops.rules import ANY, INTEGERS, NUMBERS, normal_axes, one_dtype
from st.nn.tape import Applied, Attrs, DTypeError, Operator, ShapeError, Tensor, of_one, operators


def take_along(x: Tensor, indices: Tensor, axis: int = -1) -> Tensor:
    """Return the values of x at integer `indices` along `axis`, clamped to the axis.

    `indices` has the axes of x and their lengths, but for `axis`; the result has its shape.
    As NumPy's take_along_axis.

    Raises:
        ShapeError: The other axes differ, or there is nothing along the axis to take.
        DTypeError: The indices are no integers.
    """
    (normal,) = normal_axes(axis, x.ndim)
    return x.tape.emit("take_along", (x, indices), {"axis": normal})[0]


def add_along(indices: Tensor, updates: Tensor, length: int, axis: int = -1) -> Tensor:
    """Return zeros with `length` places along `axis`, each update added at its clamped index.

    `indices` and `updates` have one shape; the inverse of `take_along`.
    """
    attrs = {"axis": normal_axes(axis, updates.ndim)[0], "length": length}
    return updates.tape.emit("add_along", (indices, updates), attrs)[0]


def flip(x: Tensor, axis: int = -1) -> Tensor:
    """Return x with the order along `axis` reversed."""
    (normal,) = normal_axes(axis, x.ndim)
    if x.shape[normal] < 2:
        return x
    return take(x, x.tape.constant(np.arange(x.shape[normal])[::-1].copy(), "backwards"), normal)


def _taken(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, indices = inputs
    axis = attrs["axis"]
    _check_indices(indices)
    one_dtype((x,), ANY)
    if _without(x.shape, axis) != _without(indices.shape, axis):
        raise ShapeError(f"x and the indices differ beside axis {axis}")
    if x.shape[axis] == 0 and indices.size:
        raise ShapeError(f"axis {axis} holds nothing to take")
    return (spec(indices.shape, x.dtype),)


def _added(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    indices, updates = inputs
    axis, length = attrs["axis"], attrs["length"]
    _check_indices(indices)
    if indices.shape != updates.shape:
        raise ShapeError("the indices and the updates have one shape")
    if length < 0 or (length == 0 and indices.size):
        raise ShapeError(f"there are no places along axis {axis} to add to")
    shape = (*updates.shape[:axis], length, *updates.shape[axis + 1 :])
    return (spec(shape, one_dtype((updates,), NUMBERS)),)


def _check_indices(indices: Spec) -> None:
    if indices.dtype not in INTEGERS:
        raise DTypeError("indices are integers; cast them")


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _take_along(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    x, indices = inputs
    axis, n = attrs["axis"], x.shape[attrs["axis"]]
    if indices.spec.size == 0:
        return [x.tape.full(indices.shape, 0, x.dtype)]
    table = _last(x, axis)
    picked = take(table.reshape(table.spec.size), _places(indices, axis, n))
    return [_back(picked, axis)]


def _add_along(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    indices, updates = inputs
    axis, n = attrs["axis"], attrs["length"]
    if updates.spec.size == 0 or n == 0:
        shape = (*updates.shape[:axis], n, *updates.shape[axis + 1 :])
        return [updates.tape.full(shape, 0, updates.dtype)]
    moved = _last(updates, axis)
    lead = moved.shape[:-1]
    flat = scatter_add(_places(indices, axis, n), moved, prod(lead) * n)
    return [_back(flat.reshape(*lead, n), axis)]


def _places(indices: Tensor, axis: int, n: int) -> Tensor:
    """Return where each index points in the rows laid one after another, `axis` last."""
    if indices.dtype != "uint64":  # all others fit
        indices = cast(indices, "int64")
    within = cast(where(compare(indices, n - 1, "lt"), indices, n - 1), "int64")
    within = _last(maximum(within, 0), axis)
    lead = within.shape[:-1]
    starts = (np.arange(prod(lead)) * n).reshape(*lead, 1)
    return within + indices.tape.constant(starts, "starts")


def _last(x: Tensor, axis: int) -> Tensor:
    return x.transpose(*(a for a in range(x.ndim) if a != axis), axis)


def _back(x: Tensor, axis: int) -> Tensor:
    order = list(range(x.ndim - 1))
    order.insert(axis, x.ndim - 1)
    return x.transpose(*order)


def _take_along_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    x, indices = at.inputs
    axis = at.attrs["axis"]
    return [add_along(indices, dy, x.shape[axis], axis), None]


def _add_along_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [None, take_along(dy, at.inputs[0], at.attrs["axis"])]


operators.register(Operator("take_along", _taken, of_one(_take_along_vjp), _take_along, 2))
operators.register(Operator("add_along", _added, of_one(_add_along_vjp), _add_along, 2))
