"""Arithmetic on views: reshape, transpose, slice and broadcast without touching memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

from st.core.backend import View, dense_strides, spec
from st.nn.tape.errors import ShapeError

Index = tuple["int | slice", ...]


def resolve_shape(size: int, shape: Sequence[int]) -> tuple[int, ...]:
    """Return `shape` with its one -1, if any, replaced so that it holds `size` elements."""
    if list(shape).count(-1) > 1:
        raise ShapeError(f"shape {tuple(shape)} leaves more than one axis open")
    if -1 in shape:
        rest = prod(axis for axis in shape if axis != -1)
        if rest == 0 or size % rest:
            raise ShapeError(f"{size} elements do not fit shape {tuple(shape)}")
        return tuple(size // rest if axis == -1 else axis for axis in shape)
    if prod(shape) != size:
        raise ShapeError(f"{size} elements do not fit shape {tuple(shape)}")
    return tuple(shape)


def reshaped(view: View, shape: tuple[int, ...]) -> View | None:
    """Return `view` with another shape of the same size, or None where that needs a copy."""
    of = spec(shape, view.spec.dtype)
    if view.is_dense or of.size == 0:
        return View(view.storage, of, dense_strides(shape), view.offset)
    old = [(n, s) for n, s in zip(view.spec.shape, view.strides, strict=True) if n != 1]
    strides: list[int] = []
    at = 0
    left = list(shape)
    while left:
        axis = left.pop(0)
        if axis == 1:
            strides.append(1)
            continue
        # Collect new axes and old axes until both cover the same number of elements.
        new_axes, new_size = [axis], axis
        first, old_size = at, 1
        while old_size != new_size:
            if old_size < new_size:
                old_size *= old[at][0]
                at += 1
            else:
                new_axes.append(left.pop(0))
                new_size *= new_axes[-1]
        for (_, outer), (n, inner) in zip(old[first : at - 1], old[first + 1 : at], strict=True):
            if outer != n * inner:
                return None
        step = old[at - 1][1]
        block = []
        for n in reversed(new_axes):
            block.append(step)
            step *= n
        strides += reversed(block)
    return View(view.storage, of, tuple(strides), view.offset)


def transposed(view: View, axes: tuple[int, ...]) -> View:
    """Return `view` with its axes in the order `axes`."""
    if sorted(axes) != list(range(len(view.spec.shape))):
        raise ShapeError(f"axes {axes} do not name each axis of {view.spec} once")
    of = spec(tuple(view.spec.shape[axis] for axis in axes), view.spec.dtype)
    return View(view.storage, of, tuple(view.strides[axis] for axis in axes), view.offset)


def broadcast(view: View, shape: tuple[int, ...]) -> View:
    """Return `view` repeated to `shape` by NumPy's rules; repeated axes have stride 0."""
    old = view.spec.shape
    extra = len(shape) - len(old)
    fits = extra >= 0 and all(
        a in (b, 1) for a, b in zip(old, shape[max(extra, 0) :], strict=False)
    )
    if not fits:
        raise ShapeError(f"shape {old} does not broadcast to {shape}")
    strides = [0] * extra + [
        0 if a == 1 and b != 1 else s
        for a, b, s in zip(old, shape[extra:], view.strides, strict=True)
    ]
    return View(view.storage, spec(shape, view.spec.dtype), tuple(strides), view.offset)


def sliced(view: View, index: Index) -> View:
    """Return the part of `view` that `index` (one integer or slice for each leading axis) names.

    Steps are positive; integers drop their axis and may count from the end.
    """
    shape, strides, offset = [], [], view.offset
    axes = list(zip(view.spec.shape, view.strides, strict=True))
    if len(index) > len(axes):
        raise ShapeError(f"{len(index)} indices for {view.spec}")
    for part, (length, stride) in zip(index, axes, strict=False):
        if isinstance(part, slice):
            start, stop, step = part.indices(length)
            if step < 1:
                raise ShapeError(f"slices step forwards; the step is {step}")
            n = len(range(start, stop, step))
            shape.append(n)
            strides.append(stride * step)
            offset += start * stride if n else 0
        else:
            if not -length <= part < length:
                raise ShapeError(f"index {part} is outside an axis of length {length}")
            offset += (part % length) * stride
    shape += [length for length, _ in axes[len(index) :]]
    strides += [stride for _, stride in axes[len(index) :]]
    return View(view.storage, spec(shape, view.spec.dtype), tuple(strides), offset)


def overlap(a: View, b: View) -> bool:
    """Return whether two views of one storage may share an element.

    Views that step through it together, as every other column does, are told apart; other views
    only by where they begin and end.
    """
    if a.spec.size == 0 or b.spec.size == 0 or _end(a) <= b.offset or _end(b) <= a.offset:
        return False
    steps = [s for n, s in zip(a.spec.shape, a.strides, strict=True) if n > 1]
    steps += [s for n, s in zip(b.spec.shape, b.strides, strict=True) if n > 1]
    step = gcd(*steps)
    return step == 0 or (a.offset - b.offset) % step == 0


def _end(view: View) -> int:
    return (
        view.offset
        + 1
        + sum((n - 1) * s for n, s in zip(view.spec.shape, view.strides, strict=True))
    )


def broadcast_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape all of `shapes` broadcast to.

    Raises:
        ShapeError: There is none.
    """
    n_axes = max((len(shape) for shape in shapes), default=0)
    result = []
    for axis in range(-n_axes, 0):
        lengths = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(lengths) > 1:
            listed = " and ".join(str(shape) for shape in shapes)
            raise ShapeError(f"shapes {listed} do not broadcast")
        result.append(lengths.pop() if lengths else 1)
    return tuple(result)
