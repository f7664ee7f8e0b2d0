"""Cases of the reductions, the matrix product, and the operators that pick and place rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from st.core.testing.backend.case import INF, NAN, Array, Case, layouts, values
from st.core.testing.backend.elementwise import wrapped

REDUCED: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((7,), (0,)),
    ((1,), (0,)),
    ((6, 5), (0,)),
    ((6, 5), (1,)),
    ((6, 5), (0, 1)),
    ((3, 4, 5), (1,)),
    ((3, 4, 5), (0, 2)),
    ((2, 3, 4, 5), (1, 2)),
    ((0, 4), (1,)),
    ((1031, 3), (0,)),
    ((3, 1031), (1,)),
    ((100_003,), (0,)),
)
PRODUCTS = (
    (1, 1, 1),
    (3, 5, 7),
    (1, 33, 17),
    (33, 17, 1),
    (0, 3, 2),
    (3, 0, 2),
    (3, 2, 0),
    (64, 64, 64),
    (67, 129, 35),
    (130, 257, 66),
)
"""Rows, inner axis, columns."""

INDICES = ("int32", "int64", "uint32", "uint64")


def other_cases(dtypes: Sequence[str]) -> Iterator[Case]:
    """Yield the cases of every operator that is not elementwise."""
    for dtype in dtypes:
        if dtype == "bool":
            continue
        yield from sum_cases(dtype)
        yield from largest_cases(dtype)
        yield from product_cases(dtype)
        yield from scatter_cases(dtype)
    for dtype in dtypes:
        yield from take_cases(dtype)


def summed(id: str, x: Array, axes: tuple[int, ...]) -> Case:
    """Return the case of a sum; any order of additions is allowed."""
    dtype = str(x.dtype)
    attrs = (("axes", axes),)
    if not dtype.startswith("float"):
        exact = np.asarray(x.astype(object).sum(axes))
        return Case(id, "sum", (x,), wrapped(exact, dtype), attrs=attrs)
    wide = x.astype(np.float64)
    expected = np.asarray(wide.sum(axes)).astype(dtype)
    n = int(np.prod([x.shape[axis] for axis in axes]))
    # Higham 2002, section 4.2: (n - 1) rounding errors of at most the sum of magnitudes.
    error = max(n, 1) * np.finfo(dtype).eps * np.abs(np.where(np.isfinite(wide), wide, 0)).sum(axes)
    return Case(id, "sum", (x,), expected, np.asarray(error), attrs)


def sum_cases(dtype: str) -> Iterator[Case]:
    """Yield the cases of sum."""
    for shape, axes in REDUCED:
        yield summed(f"sum-{dtype}-{shape}-{axes}", values(shape, dtype), axes)
    yield summed(f"sum-{dtype}-of-nothing", values((3, 0), dtype), (1,))
    for (layout, x), axis in product(layouts((6, 5), dtype).items(), (0, 1)):
        yield summed(f"sum-{dtype}-{layout}-{axis}", x, (axis,))
    if dtype.startswith("float"):
        x = np.array([[1, NAN, 2], [INF, 1, 2], [-INF, INF, 0], [1, 2, 3]], dtype)
        with np.errstate(invalid="ignore"):
            yield summed(f"sum-{dtype}-special", x, (1,))


def largest_cases(dtype: str) -> Iterator[Case]:
    """Yield the cases of max and argmax."""
    for shape, axes in REDUCED:
        x = values(shape, dtype)
        attrs = (("axes", axes),)
        yield Case(f"max-{dtype}-{shape}-{axes}", "max", (x,), np.asarray(x.max(axes)), attrs=attrs)
        if len(axes) == 1:
            yield located(f"argmax-{dtype}-{shape}-{axes[0]}", x, axes[0])
    for (layout, x), axis in product(layouts((6, 5), dtype).items(), (0, 1)):
        attrs = (("axes", (axis,)),)
        yield Case(f"max-{dtype}-{layout}-{axis}", "max", (x,), x.max(axis), attrs=attrs)
        yield located(f"argmax-{dtype}-{layout}-{axis}", x, axis)
    yield located(f"argmax-{dtype}-all-equal", np.ones((3, 40), dtype), 1)
    if dtype.startswith("float"):
        x = np.array([[-INF, -INF], [1, NAN], [NAN, INF], [-3, -2]], dtype)
        attrs = (("axes", (1,)),)
        yield Case(f"max-{dtype}-special", "max", (x,), x.max(1), attrs=attrs)
        yield located(f"argmax-{dtype}-infinite", np.full((2, 5), -INF, dtype), 1)
    else:
        low = np.full((3, 5), np.iinfo(dtype).min, dtype)
        attrs = (("axes", (1,)),)
        yield Case(f"max-{dtype}-lowest", "max", (low,), low.max(1), attrs=attrs)


def located(id: str, x: Array, axis: int) -> Case:
    """Return the case of argmax, found by a loop over the axis."""
    moved = np.moveaxis(x, axis, -1)
    places = [row.tolist().index(max(row.tolist())) for row in moved.reshape(-1, x.shape[axis])]
    expected = np.array(places, np.int64).reshape(moved.shape[:-1])
    return Case(id, "argmax", (x,), expected, attrs=(("axis", axis),))


def multiplied(id: str, x: Array, y: Array) -> Case:
    """Return the case of a matrix product; any order of additions is allowed."""
    dtype = str(x.dtype)
    if not dtype.startswith("float"):
        exact = np.einsum("...ij,...jk->...ik", x.astype(object), y.astype(object))
        return Case(id, "matmul", (x, y), wrapped(np.asarray(exact), dtype))
    with np.errstate(invalid="ignore"):
        exact = x.astype(np.float64) @ y.astype(np.float64)
        size = np.abs(x.astype(np.float64)) @ np.abs(y.astype(np.float64))
    error = (x.shape[-1] + 1) * np.finfo(dtype).eps * size
    return Case(id, "matmul", (x, y), exact.astype(dtype), error)


def product_cases(dtype: str) -> Iterator[Case]:
    """Yield the cases of matmul."""
    for m, k, n in PRODUCTS:
        if m * k * n > 100_000 and not dtype.startswith("float"):
            continue  # Python's integers take seconds here.
        x, y = values((m, k), dtype, 1), values((k, n), dtype, 2)
        yield multiplied(f"matmul-{dtype}-{m}x{k}x{n}", x, y)
        if m * k * n:
            turned = values((n, k), dtype, 2).T
            yield multiplied(f"matmul-{dtype}-{m}x{k}x{n}-right-turned", x, turned)
            turned = values((k, m), dtype, 1).T
            yield multiplied(f"matmul-{dtype}-{m}x{k}x{n}-left-turned", turned, y)
    left, right = layouts((6, 5), dtype, 1), layouts((5, 4), dtype, 2)
    for (first, x), (second, y) in product(left.items(), right.items()):
        yield multiplied(f"matmul-{dtype}-{first}-{second}", x, y)
    x, y = values((2, 3, 4, 5), dtype, 1), values((2, 3, 5, 6), dtype, 2)
    yield multiplied(f"matmul-{dtype}-batched", x, y)
    yield multiplied(f"matmul-{dtype}-batched-one-right", x, np.broadcast_to(y[:1, :1], y.shape))
    heads = values((2, 7, 3, 5), dtype, 3).transpose(0, 2, 1, 3)
    yield multiplied(f"matmul-{dtype}-batched-turned", heads, heads.swapaxes(2, 3))
    yield multiplied(f"matmul-{dtype}-batched-empty", x[:0], y[:0])
    if dtype.startswith("float"):
        odd = np.array([[0, 1], [INF, 0], [NAN, 1]], dtype)
        even = np.array([[INF, 1], [1, 2]], dtype)
        yield multiplied(f"matmul-{dtype}-special", odd, even)


def take_cases(dtype: str) -> Iterator[Case]:
    """Yield the cases of take, with indices outside the table."""
    table = values((6, 5), dtype)
    for index in INDICES:
        inside = np.array([5, 0, 0, 3], index)
        yield Case(f"take-{dtype}-{index}", "take", (table, inside), table[inside])
        top = np.array([2, 6, np.iinfo(index).max], index)
        yield Case(f"take-{dtype}-{index}-above", "take", (table, top), table[[2, 5, 5]])
    below = np.array([-1, -100, np.iinfo("int64").min, 1])
    yield Case(f"take-{dtype}-below", "take", (table, below), table[[0, 0, 0, 1]])
    indices = {
        "scalar": np.array(3),
        "none": np.zeros(0, np.int64),
        "matrix": np.array([[1, 2, 1], [0, 5, 4]]),
        "sliced": np.arange(12)[1::3],
    }
    for name, chosen in indices.items():
        expected = np.asarray(table[np.minimum(chosen, 5)])
        yield Case(f"take-{dtype}-{name}-indices", "take", (table, chosen), expected)
    for layout, x in layouts((6, 5), dtype).items():
        chosen = np.array([4, 1])
        yield Case(f"take-{dtype}-{layout}", "take", (x, chosen), np.ascontiguousarray(x[chosen]))
    flat, deep = values((6,), dtype), values((6, 2, 3), dtype)
    chosen = np.array([1, 1, 5])
    yield Case(f"take-{dtype}-vector", "take", (flat, chosen), flat[chosen])
    yield Case(f"take-{dtype}-deep", "take", (deep, chosen), deep[chosen])
    yield Case(f"take-{dtype}-empty-rows", "take", (deep[:, :0], chosen), deep[chosen, :0])


def scattered(id: str, indices: Array, updates: Array, n_rows: int) -> Case:
    """Return the case of scatter_add, added one after another in the type of the updates."""
    rows = np.minimum(np.maximum(indices.astype(object), 0), n_rows - 1).astype(np.int64)
    expected = np.zeros((n_rows, *updates.shape[indices.ndim :]), updates.dtype)
    flat = updates.reshape(-1, *expected.shape[1:])
    with np.errstate(all="ignore"):
        for row, update in zip(rows.reshape(-1), flat, strict=True):
            expected[row] = expected[row] + update
    return Case(id, "scatter_add", (indices, updates), expected, attrs=(("n_rows", n_rows),))


def scatter_cases(dtype: str) -> Iterator[Case]:
    """Yield the cases of scatter_add; the order of additions is fixed, so results are exact."""
    generator = np.random.default_rng(3)
    for index in INDICES:
        chosen = generator.integers(0, 6, 40).astype(index)
        updates = values((40, 5), dtype)
        yield scattered(f"scatter_add-{dtype}-{index}", chosen, updates, 6)
        top = np.array([2, 6, np.iinfo(index).max, 0], index)
        yield scattered(f"scatter_add-{dtype}-{index}-above", top, values((4, 3), dtype), 6)
    below = np.array([-1, 3, np.iinfo("int64").min, -7])
    yield scattered(f"scatter_add-{dtype}-below", below, values((4, 3), dtype), 6)
    nothing = np.zeros(0, np.int64)
    yield scattered(f"scatter_add-{dtype}-nothing", nothing, values((0, 3), dtype), 4)
    matrix = generator.integers(0, 4, (3, 5))
    yield scattered(f"scatter_add-{dtype}-matrix", matrix, values((3, 5, 2), dtype), 4)
    yield scattered(f"scatter_add-{dtype}-vector", matrix, values((3, 5), dtype), 4)
    for layout, updates in layouts((6, 5), dtype).items():
        yield scattered(f"scatter_add-{dtype}-{layout}", np.array([1, 0, 1, 3, 1, 0]), updates, 4)
    many = generator.integers(0, 3, 5000)
    yield scattered(f"scatter_add-{dtype}-many", many, values((5000,), dtype), 3)
    if dtype == "float32":
        order = np.array([1e8, 1.0, -1e8, 1.0], dtype)
        same = np.zeros(4, np.int64)
        yield scattered("scatter_add-float32-order", same, order, 1)
