"""Operators that put values in order: argsort, sort, the k largest."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, spec
from st.nn.ops.along import add_along, take_along
from st.nn.ops.elementwise import cast, turned
from st.nn.ops.rules import ANY, normal_axes, one_dtype
from st.nn.tape import Applied, Attrs, Operator, ShapeError, Tensor, operators


def argsort(x: Tensor, axis: int = -1, *, descending: bool = False) -> Tensor:
    """Return the int64 indices that put x in order along `axis`.

    Equal values keep their order, and NaN come last, in either direction.

    Raises:
        ShapeError: The axis is outside the shape.
    """
    (normal,) = normal_axes(axis, x.ndim)
    if x.dtype == "bool":
        x = cast(x, "int32")
    return x.tape.emit("argsort", (turned(x) if descending else x,), {"axis": normal})[0]


def sort(x: Tensor, axis: int = -1, *, descending: bool = False) -> tuple[Tensor, Tensor]:
    """Return x in order along `axis`, and the int64 indices where each value came from.

    Equal values keep their order, and NaN come last, in either direction.

    Raises:
        ShapeError: The axis is outside the shape.
    """
    attrs = {"axis": normal_axes(axis, x.ndim)[0], "descending": descending}
    values, indices = x.tape.emit("sort", (x,), attrs)
    return values, indices


def top_k(x: Tensor, k: int, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Return the `k` largest values along `axis`, largest first, and their int64 indices.

    Of equal values the first are taken; NaN only where there are no `k` others.

    Raises:
        ShapeError: The axis is outside the shape, or has no `k` values.
    """
    (normal,) = normal_axes(axis, x.ndim)
    if not 0 < k <= x.shape[normal]:
        raise ShapeError(
            f"there are no {k} largest of {x.shape[normal]} values",
            op="top_k",
            specs=(x.spec,),
            where=x.tape.where,
        )
    values, indices = sort(x, normal, descending=True)
    first = (*[slice(None)] * normal, slice(k))
    return values[first], indices[first]


def _indices(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    normal_axes(attrs["axis"], len(inputs[0].shape))
    one_dtype(inputs, ANY)
    return (spec(inputs[0].shape, "int64"),)


def _ordered(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    return inputs[0], *_indices(inputs, attrs)


def _sort(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    indices = argsort(x, attrs["axis"], descending=attrs["descending"])
    return [take_along(x, indices, attrs["axis"]), indices]


def _sort_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    (x,), axis = at.inputs, at.attrs["axis"]
    return [None if dy[0] is None else add_along(at.outputs[1], dy[0], x.shape[axis], axis)]


operators.register(Operator("argsort", _indices))
operators.register(Operator("sort", _ordered, _sort_vjp, _sort, 1))
