"""Matrices as kernels of products take them: rows and columns may each be several axes of an array.

The windows of an image are such a matrix without being laid out: a row is (image, row, column), a
column is (row, column, channel) within the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from st.backend.opencl import layout
from st.backend.opencl.runtime import Operand

MOST_AXES = 4
"""Axes that rows, columns and the batch may each have."""

Axes = tuple[tuple[int, ...], tuple[int, ...]]
"""Shape and strides, in elements, merged where memory allows."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Matrices, one for each place in a batch."""

    buffer: Any
    dtype: str
    offset: int
    batch: tuple[int, ...]
    """Strides over the shape of the batch."""
    rows: Axes
    columns: Axes

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return prod(self.rows[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return prod(self.columns[0])

    @property
    def turned(self) -> Matrix:
        """The same with rows and columns exchanged."""
        return Matrix(self.buffer, self.dtype, self.offset, self.batch, self.columns, self.rows)

    def is_walkable(self, batch: Sequence[int]) -> bool:
        """Whether a kernel can find its elements, those of a batch of this shape."""
        return max(len(batch), len(self.rows[0]), len(self.columns[0])) <= MOST_AXES


def matrix(x: Operand, batch: Sequence[int], n_row_axes: int, n_column_axes: int) -> Matrix:
    """Return an operand as matrices: its last axes are columns, those before rows, then batch.

    Args:
        x: Any view.
        batch: Strides of the batch, which the view itself need not have.
        n_row_axes: Axes that make up the rows.
        n_column_axes: Axes that make up the columns.
    """
    end = len(x.shape) - n_column_axes
    start = end - n_row_axes
    return Matrix(
        x.buffer,
        x.dtype,
        x.offset,
        tuple(batch),
        _merged(x.shape[start:end], x.strides[start:end]),
        _merged(x.shape[end:], x.strides[end:]),
    )


def padded(axes: Axes) -> Axes:
    """Return the same axes with some of length 1 in front, `MOST_AXES` in all."""
    shape, strides = axes
    missing = MOST_AXES - len(shape)
    return (1,) * missing + shape, (0,) * missing + strides


def last_stride(axes: Axes) -> int:
    """Return how far apart neighbours lie; 1 where there is a single element."""
    return axes[1][-1] if axes[1] else 1


def _merged(shape: Sequence[int], strides: Sequence[int]) -> Axes:
    if 0 in shape:
        return (0,), (1,)
    found = layout.merge(shape, [strides])
    return found.shape, found.strides[0]
