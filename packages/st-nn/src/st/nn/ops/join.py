"""Operators that put tensors together: one after another, and with a margin around them."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Const, Spec, spec
from st.nn.ops.elementwise import cast
from st.nn.ops.rules import ANY, normal_axes, one_dtype
from st.nn.tape import (
    Applied,
    Attrs,
    OperandError,
    Operator,
    Scalar,
    ShapeError,
    Tensor,
    of_one,
    operators,
    promote,
)

Widths = Sequence[tuple[int, int]]


def concat(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return `tensors` one after another along `axis`; the other axes are of one length.

    Element types meet as in arithmetic.

    Raises:
        ShapeError: There is no tensor, the axis is outside the shape, or other axes differ.
        DTypeError: The element types do not meet.
    """
    if not tensors:
        raise ShapeError("takes at least one tensor", op="concat")
    tape = tensors[0].tape
    try:
        dtype = promote([x.dtype for x in tensors])
        (normal,) = normal_axes(axis, tensors[0].ndim)
    except OperandError as error:
        specs = [x.spec for x in tensors]
        raise error.at(op="concat", specs=specs, where=tape.where) from None
    return tape.emit("concat", [cast(x, dtype) for x in tensors], {"axis": normal})[0]


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return `tensors`, all of one shape, beside each other along a new axis.

    Raises:
        ShapeError: There is no tensor, or the shapes differ.
        DTypeError: The element types do not meet.
    """
    if not tensors:
        raise ShapeError("takes at least one tensor", op="stack")
    if len({x.shape for x in tensors}) > 1:
        specs = [x.spec for x in tensors]
        raise ShapeError("takes tensors of one shape", op="stack", specs=specs)
    shape = tensors[0].shape
    (normal,) = normal_axes(axis, len(shape) + 1)
    longer = (*shape[:normal], 1, *shape[normal:])
    return concat([x.reshape(*longer) for x in tensors], normal)


def pad(x: Tensor, widths: Widths | int, value: Scalar = 0) -> Tensor:
    """Return x with a margin of `value`.

    Args:
        x: What is in the middle.
        widths: How many to put before and after along each axis; a number stands for all.
        value: What the margin is made of.

    Raises:
        ShapeError: There are not as many widths as axes, or one is negative.
    """
    pairs = ((widths, widths),) * x.ndim if isinstance(widths, int) else widths
    attrs = {"widths": tuple((before, after) for before, after in pairs), "value": value}
    return x.tape.emit("pad", (x,), attrs)[0]


def _joined(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    axis = attrs["axis"]
    first = inputs[0].shape
    for x in inputs:
        if len(x.shape) != len(first):
            raise ShapeError("takes tensors with the same number of axes")
        if (*x.shape[:axis], *x.shape[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]):
            raise ShapeError(f"the shapes differ beside axis {axis}")
    length = sum(x.shape[axis] for x in inputs)
    return (spec((*first[:axis], length, *first[axis + 1 :]), one_dtype(inputs, ANY)),)


def _concat(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    axis, tape = attrs["axis"], inputs[0].tape
    (of,) = _joined(tuple(x.spec for x in inputs), attrs)
    if of.size == 0:
        return [tape.full(of.shape, 0, of.dtype)]
    # Written with `axis` in front: outputs are dense, and only there each part is.
    order = (axis, *(a for a in range(len(of.shape)) if a != axis))
    whole = tape.new(spec([of.shape[a] for a in order], of.dtype))
    start = 0
    for x in inputs:
        n = x.shape[axis]
        if n:
            tape.emit("copy", (x.transpose(*order),), out=(whole[start : start + n],))
        start += n
    return [whole.transpose(*sorted(range(len(order)), key=order.__getitem__))]


def _concat_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    axis, start, made = at.attrs["axis"], 0, []
    for x in at.inputs:
        end = start + x.shape[axis]
        made.append(dy[(*[slice(None)] * axis, slice(start, end))])
        start = end
    return made


def _padded(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    (x,), widths = inputs, attrs["widths"]
    if len(widths) != len(x.shape):
        raise ShapeError(f"{len(widths)} widths for {len(x.shape)} axes")
    if any(before < 0 or after < 0 for before, after in widths):
        raise ShapeError(f"widths {widths} are not negative; slice instead")
    shape = [n + before + after for n, (before, after) in zip(x.shape, widths, strict=True)]
    return (spec(shape, one_dtype(inputs, ANY)),)


def _pad(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    (of,) = _padded((x.spec,), attrs)
    made = x.tape.full(of.shape, attrs["value"], of.dtype)
    if x.spec.size:
        part = made[_inside(x.shape, attrs["widths"])]
        # Chosen, not copied: an output that is not dense has to be one of the inputs.
        x.tape.emit("where", (Const(True, spec((), "bool")), x, part), out=(part,))
    return [made]


def _pad_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy[_inside(at.inputs[0].shape, at.attrs["widths"])]]


def _inside(shape: tuple[int, ...], widths: Widths) -> tuple[slice, ...]:
    return tuple(slice(b, b + n) for n, (b, _) in zip(shape, widths, strict=True))


operators.register(Operator("concat", _joined, of_one(_concat_vjp), _concat))
operators.register(Operator("pad", _padded, of_one(_pad_vjp), _pad, 1))
