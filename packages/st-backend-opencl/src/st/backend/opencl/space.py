"""Spaces that fused calls walk together: axes fine enough for every view of the group.

A space is a shape in C order without axes of length 1. Views of other shapes with as many
elements, as reshape makes them, have a place in it once its axes are cut finely enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from st.core.backend import View

Shape = tuple[int, ...]
Place = tuple[int, Shape]
"""Offset and strides over a space, in elements; strides of axes of length 1 do not occur."""


def refined(*shapes: Sequence[int]) -> Shape | None:
    """Return the coarsest space in which all `shapes` have a place, or None when there is none.

    >>> refined((6, 4), (2, 12))
    (2, 3, 4)
    >>> refined((4, 9), (6, 6)) is None
    True
    """
    edges = sorted({edge for shape in shapes for edge in _edges(shape)})
    if any(after % before for before, after in pairwise(edges)):
        return None
    return tuple(after // before for before, after in pairwise(edges))[::-1]


def strides_over(space: Shape, shape: Sequence[int], strides: Sequence[int]) -> Shape:
    """Return the strides of a view over the axes of a space that refines its shape.

    >>> strides_over((2, 3, 4), (6, 4), (8, 1))
    (24, 8, 1)
    """
    found: list[int] = []
    axes = [axis for axis in zip(shape, strides, strict=True) if axis[0] != 1]
    left, step = 1, 0
    for n in reversed(space):
        if left == 1:
            left, step = axes.pop()
        found.append(step)
        left //= n
        step *= n
    return tuple(reversed(found))


def place_of(space: Shape, view: View, n_columns: int = 1) -> Place:
    """Return where `view` lies over `space`; with `n_columns`, one of rows, repeated in each."""
    shape, strides = view.spec.shape, view.strides
    if n_columns > 1:
        shape, strides = (*shape, n_columns), (*strides, 0)
    return view.offset, strides_over(space, shape, strides)


def is_one_axis(space: Shape, strides: Shape, n_columns: int) -> bool:
    """Whether the innermost axes, of `n_columns` in all, lie evenly apart.

    >>> is_one_axis((2, 3, 4), (1, 8, 2), 12), is_one_axis((2, 3, 4), (1, 9, 2), 12)
    (True, False)
    """
    step, seen = 0, 1
    for n, stride in zip(reversed(space), reversed(strides), strict=True):
        if seen == n_columns:
            break
        if seen > 1 and stride != step:
            return False
        seen, step = seen * n, stride * n
    return seen == n_columns


def _edges(shape: Sequence[int]) -> list[int]:
    """Return the numbers of elements below each cut, from 1 to all."""
    return [prod(shape[axis:]) for axis in range(len(shape) + 1)]
