"""Bind functions of the reductions."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

Array = NDArray[Any]


LONGEST_BY_PRODUCT = 4096
"""Reduced elements up to which a sum is a product with ones: its error grows with their number,
that of NumPy's pairwise sum with the logarithm."""


ROWS_AT_ONCE = 128
"""Rows that are summed by one product. BLAS may round a row in another way when there are more or
fewer others; so the sum of a part of the rows, when it begins at such a place, has the bits of the
whole. For 2048 x 128 this took 22 us, one product 14, the ufunc 65."""


def sum_(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a sum; the element type stays, so that integers wrap around in their own.

    The leading or the trailing axes of a dense array are summed by BLAS: over the rows of 256 x 10
    that took 0.6 us where the ufunc took 5.3, over its columns 0.7 against 4.1.
    """
    x, out = inputs[0], outputs[0]
    axes = call.attr("axes")
    matrix = as_matrix(x, axes)
    if matrix is None and is_few(x.shape, axes):
        return partial(_combined, np.add, slices(x, axes), out)
    if matrix is None or x.dtype.kind != "f":
        return partial(np.add.reduce, x, axes, x.dtype, out)
    flat, leading = matrix
    ones = np.ones(flat.shape[0 if leading else 1], x.dtype)
    goal = out.reshape(-1)
    if out.size and leading and len(ones) > LONGEST_BY_PRODUCT:
        n_strips = _divisor(len(ones))
        if n_strips:
            return _in_two(flat, n_strips, goal)
    if not out.size or len(ones) > LONGEST_BY_PRODUCT:
        return partial(np.add.reduce, x, axes, x.dtype, out)
    if leading:
        return partial(np.dot, ones, flat, goal)
    if len(goal) <= ROWS_AT_ONCE:
        return partial(np.dot, flat, ones, goal)
    starts = range(0, len(goal), ROWS_AT_ONCE)
    strips = [slice(start, start + ROWS_AT_ONCE) for start in starts]
    return partial(_each, [partial(np.dot, flat[strip], ones, goal[strip]) for strip in strips])


def _divisor(n: int) -> int:
    """Return how many strips divide `n` rows, neither they nor their rows too many; 0 if none."""
    counts = range(256, LONGEST_BY_PRODUCT + 1)
    return next((m for m in counts if n % m == 0 and n // m <= LONGEST_BY_PRODUCT), 0)


def _in_two(flat: Array, n_strips: int, out: Array) -> Launch:
    """Bind a sum of rows by way of the sums of strips of rows: 50176 x 16 in 98 us, not 900."""
    n_rows, n_columns = flat.shape
    wide = flat.reshape(n_strips, n_rows // n_strips * n_columns)
    sums = np.empty(wide.shape[1], flat.dtype)
    narrow = sums.reshape(-1, n_columns)
    first = partial(np.dot, np.ones(n_strips, flat.dtype), wide, sums)
    return partial(_each, [first, partial(np.dot, np.ones(len(narrow), flat.dtype), narrow, out)])


def _each(launches: list[Launch]) -> None:
    for launch in launches:
        launch()


WIDEST_TURNED = 64
"""Columns up to which rows are turned for a maximum: over 256 x 10 that took 3.4 us, not 15.9."""


def max_(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a largest. Short rows become columns first: NumPy compares those at full width."""
    x, out = inputs[0], outputs[0]
    axes = call.attr("axes")
    matrix = as_matrix(x, axes)
    if matrix is None and is_few(x.shape, axes):
        return partial(_combined, np.maximum, slices(x, axes), out)
    if matrix is None or matrix[1] or not 1 < matrix[0].shape[1] <= WIDEST_TURNED or not out.size:
        return partial(np.maximum.reduce, x, axes, None, out)
    rows = matrix[0]
    turned = np.empty((rows.shape[1], rows.shape[0]), x.dtype)
    return partial(_largest_in_rows, rows.T, turned, out.reshape(-1))


def _largest_in_rows(columns: Array, turned: Array, out: Array) -> None:
    np.copyto(turned, columns)
    np.maximum.reduce(turned, 0, out=out)


SHORTEST_INNER, MOST_SLICES = 8, 16


def is_few(shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    """Whether to combine slices of inner axes: few of them, each with elements side by side.

    The largest of windows of 2 x 2 in 64 x 8 x 8 x 32 took 40 us so, and 156 by the ufunc.
    """
    inner = prod(shape[max(axes) + 1 :])
    return inner >= SHORTEST_INNER and 2 <= prod(shape[axis] for axis in axes) <= MOST_SLICES


def slices(x: Array, axes: tuple[int, ...]) -> list[Array]:
    """Return x at every place along `axes`."""
    inner = np.moveaxis(x, axes, range(len(axes)))
    return [inner[at] for at in np.ndindex(inner.shape[: len(axes)])]


def _combined(function: np.ufunc, parts: list[Array], out: Array) -> None:
    function(parts[0], parts[1], out=out)
    for part in parts[2:]:
        function(out, part, out=out)


def as_matrix(x: Array, axes: tuple[int, ...]) -> tuple[Array, bool] | None:
    """Return a dense array as a matrix whose rows (True) or columns are reduced, or None.

    That is where `axes` are the leading ones, or the trailing ones.
    """
    if not x.flags.c_contiguous or not 0 < len(axes) < x.ndim:
        return None
    n = len(axes)
    if axes == tuple(range(n)):
        return x.reshape(prod(x.shape[:n]), prod(x.shape[n:])), True
    if axes == tuple(range(x.ndim - n, x.ndim)):
        return x.reshape(prod(x.shape[:-n]), prod(x.shape[-n:])), False
    return None


def argmax(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the index of the first largest."""
    x, out = inputs[0], outputs[0]
    axis = call.attr("axis")
    return partial(np.argmax, x, axis, out)


BINDERS: dict[str, Binder] = {"sum": sum_, "max": max_, "argmax": argmax}
