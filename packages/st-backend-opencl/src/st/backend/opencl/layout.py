"""Axes seen by kernels: sorted, merged where memory allows, and counted from the innermost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

MAX_AXES = 8
"""Axes a kernel can walk. Merging makes nearly every view fit."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A shape and, for each operand, its strides over that shape, in elements."""

    shape: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    def padded(self) -> Layout:
        """Return the same with axes of length 1 in front, `MAX_AXES` in all."""
        missing = MAX_AXES - len(self.shape)
        return Layout(
            (1,) * missing + self.shape, tuple((0,) * missing + each for each in self.strides)
        )


def merge(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Layout:
    """Return the layout without axes of length 1 and with neighbours merged where all can be.

    >>> merge((2, 1, 3, 4), [(12, 12, 4, 1), (0, 0, 4, 1)])
    Layout(shape=(2, 12), strides=((12, 1), (0, 1)))
    """
    axes = [(n, *steps) for n, *steps in zip(shape, *strides, strict=True) if n != 1]
    merged: list[tuple[int, ...]] = []
    for n, *steps in axes:
        if merged and all(
            outer == inner * n for outer, inner in zip(merged[-1][1:], steps, strict=True)
        ):
            n *= merged.pop()[0]
        merged.append((n, *steps))
    return Layout(
        tuple(axis[0] for axis in merged),
        tuple(tuple(axis[1 + k] for axis in merged) for k in range(len(strides))),
    )


def elementwise(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Layout:
    """Return the merged layout with axes in the order of the first operand's memory.

    The order of axes means nothing to an elementwise operator, so the output is walked in the
    order it lies in, whatever view of it was given.
    """
    order = sorted(range(len(shape)), key=lambda axis: -abs(strides[0][axis]))
    return merge(
        [shape[axis] for axis in order], [[each[axis] for axis in order] for each in strides]
    )


@dataclass(frozen=True, slots=True)
class Reduction:
    """One reduced axis between two kept ones; a stride is 0 where the length is 1."""

    shape: tuple[int, int, int]
    strides: tuple[int, int, int]


def reduction(
    shape: Sequence[int], strides: Sequence[int], axes: Sequence[int]
) -> Reduction | None:
    """Return the input of a reduction as (outer, reduced, inner), or None when it has more axes.

    >>> reduction((2, 3, 4), (12, 4, 1), (1, 2))
    Reduction(shape=(2, 12, 1), strides=(12, 1, 0))
    """
    runs: list[tuple[bool, list[int]]] = []
    for axis in range(len(shape)):
        if shape[axis] == 1:
            continue
        reduced = axis in axes
        if not runs or runs[-1][0] != reduced:
            runs.append((reduced, []))
        runs[-1][1].append(axis)
    pattern = [reduced for reduced, _ in runs]
    middle = pattern.index(True) if True in pattern else 0
    if pattern.count(True) > 1 or len(runs) > 3:
        return None
    parts = [(1, 0), (1, 0), (1, 0)]
    for place, (_, run) in enumerate(runs):
        layout = merge([shape[a] for a in run], [[strides[a] for a in run]])
        if len(layout.shape) > 1:
            return None
        where = 1 + place - middle if True in pattern else 0
        parts[where] = (layout.shape[0], layout.strides[0][0])
    return Reduction(
        (parts[0][0], parts[1][0], parts[2][0]), (parts[0][1], parts[1][1], parts[2][1])
    )


def one_axis(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, int] | None:
    """Return length and stride of all axes merged into one, or None when they do not merge."""
    layout = merge(shape, [strides])
    if len(layout.shape) > 1:
        return None
    return (layout.shape[0], layout.strides[0][0]) if layout.shape else (prod(shape), 0)
