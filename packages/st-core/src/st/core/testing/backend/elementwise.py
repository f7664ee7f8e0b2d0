"""Cases of the elementwise operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from st.core.backend import Const
from st.core.testing.backend.case import (
    INF,
    NAN,
    SHAPES,
    Array,
    Case,
    Given,
    constant,
    layouts,
    values,
)

UNARY: dict[str, Callable[[Array], Array]] = {
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "maximum": np.maximum,
}
COMPARED: dict[str, Callable[[Any, Any], Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
ULPS = {"exp": 5, "log": 5, "sqrt": 4, "tanh": 6, "div": 4}
"""Largest errors in units of the last place: OpenCL's limits and one for the rounding of the
float64 result. What is not here is exact to rounding (1)."""


def rounded(op: str, exact: Array, dtype: str) -> tuple[Array, Array]:
    """Return a float64 result in `dtype`, and the error it may have."""
    with np.errstate(all="ignore"):
        expected = exact.astype(dtype)
        unit = np.abs(np.spacing(expected)).astype(np.float64)
    return expected, ULPS.get(op, 1) * unit


def unary(id: str, op: str, x: Array) -> Case:
    """Return the case of a floating function, computed in float64."""
    with np.errstate(all="ignore"):
        exact = np.asarray(UNARY[op](x.astype(np.float64)))
    expected, error = rounded(op, exact, str(x.dtype))
    return Case(id, op, (x,), expected, error)


def binary(id: str, op: str, x: Given, y: Given) -> Case:
    """Return the case of an arithmetic operator: float64, or Python's integers wrapped around."""
    dtype = x.spec.dtype if isinstance(x, Const) else str(x.dtype)
    wide: type = np.float64 if dtype.startswith("float") else object
    left: Array
    right: Array
    left, right = (
        np.array(given.value, wide) if isinstance(given, Const) else given.astype(wide)
        for given in (x, y)
    )
    with np.errstate(all="ignore"):
        exact = np.asarray(BINARY[op](left, right))
    if wide is object:
        return Case(id, op, (x, y), wrapped(exact, dtype))
    expected, error = rounded(op, exact, dtype)
    return Case(id, op, (x, y), expected, error)


def wrapped(exact: Array, dtype: str) -> Array:
    """Return Python integers as `dtype`, wrapped around as in two's complement."""
    unsigned = np.dtype(f"u{dtype.removeprefix('u')}")
    modulus = 1 << (8 * unsigned.itemsize)
    low = [int(value) % modulus for value in exact.reshape(-1)]
    return np.array(low, unsigned).reshape(exact.shape).view(dtype)


def compared(id: str, relation: str, x: Given, y: Given) -> Case:
    """Return the case of a relation."""
    left: Array
    right: Array
    left, right = (np.asarray(g.value if isinstance(g, Const) else g) for g in (x, y))
    expected = np.asarray(COMPARED[relation](left, right))
    return Case(id, "compare", (x, y), expected, attrs=(("relation", relation),))


def special(dtype: str) -> Array:
    """Return the values at which floating functions change their ways."""
    return np.array([NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, 30.0, -30.0, 100.0], dtype)


def elementwise_cases(dtypes: Sequence[str]) -> Iterator[Case]:
    """Yield the cases of every elementwise operator."""
    floats = [dtype for dtype in dtypes if dtype.startswith("float")]
    integers = [dtype for dtype in dtypes if "int" in dtype]
    for dtype, op in product(floats, UNARY):
        for shape in SHAPES:
            x = values(shape, dtype)
            yield unary(f"{op}-{dtype}-{shape}", op, np.abs(x) if op in ("log", "sqrt") else x)
        yield unary(f"{op}-{dtype}-special", op, special(dtype))
        for layout, x in layouts((6, 5), dtype).items():
            yield unary(f"{op}-{dtype}-{layout}", op, x)
    for dtype, op in product(floats, BINARY):
        for shape in SHAPES:
            x, y = values(shape, dtype, 1), values(shape, dtype, 2)
            yield binary(f"{op}-{dtype}-{shape}", op, x, y)
        x, y = np.meshgrid(special(dtype), special(dtype))
        yield binary(f"{op}-{dtype}-special", op, np.ascontiguousarray(x), np.ascontiguousarray(y))
    for dtype, op in product([*floats[:1], *integers], [op for op in BINARY if op != "div"]):
        left, right = layouts((6, 5), dtype, 1), layouts((6, 5), dtype, 2)
        for (first, x), (second, y) in product(left.items(), right.items()):
            if first == "dense" or second in ("dense", first):
                yield binary(f"{op}-{dtype}-{first}-{second}", op, x, y)
        x = left["dense"]
        yield binary(f"{op}-{dtype}-constant-right", op, x, constant(3, dtype))
        yield binary(f"{op}-{dtype}-constant-left", op, constant(3, dtype), x)
    for dtype in integers:
        ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max, 1, 2, 7], dtype)
        x, y = (np.ascontiguousarray(grid) for grid in np.meshgrid(ends, ends))
        for op in ("add", "sub", "mul", "maximum"):
            yield binary(f"{op}-{dtype}-wraps", op, x, y)
        for relation in COMPARED:
            yield compared(f"compare-{dtype}-{relation}-ends", relation, x, y)
        yield Case(f"neg-{dtype}-wraps", "neg", (ends,), wrapped(-ends.astype(object), dtype))
    for dtype, relation in product(floats, COMPARED):
        x, y = (np.ascontiguousarray(grid) for grid in np.meshgrid(special(dtype), special(dtype)))
        yield compared(f"compare-{dtype}-{relation}-special", relation, x, y)
        yield compared(f"compare-{dtype}-{relation}-constant", relation, x, constant(0.5, dtype))
    yield from choice_cases(dtypes)
    yield from conversion_cases(dtypes)


def choice_cases(dtypes: Sequence[str]) -> Iterator[Case]:
    """Yield the cases of where."""
    for dtype in dtypes:
        for layout, condition in layouts((6, 5), "bool", 3).items():
            x, y = layouts((6, 5), dtype, 1)[layout], values((6, 5), dtype, 2)
            expected = np.where(condition, x, y)
            yield Case(f"where-{dtype}-{layout}", "where", (condition, x, y), expected)
        condition, x = values((7,), "bool", 4), values((7,), dtype, 5)
        for value in (0, 1):
            of = constant(value, dtype)
            fill = np.array(value, dtype)
            right, left = np.where(condition, x, fill), np.where(condition, fill, x)
            yield Case(f"where-{dtype}-else-{value}", "where", (condition, x, of), right)
            yield Case(f"where-{dtype}-then-{value}", "where", (condition, of, x), left)
        if dtype.startswith("float"):
            x, y = np.full(7, NAN, dtype), np.full(7, -INF, dtype)
            expected = np.where(condition, x, y)
            yield Case(f"where-{dtype}-special", "where", (condition, x, y), expected)


def conversion_cases(dtypes: Sequence[str]) -> Iterator[Case]:
    """Yield the cases of cast and copy; conversions whose result C leaves open are left out."""
    for dtype, goal in product(dtypes, dtypes):
        x = values((6, 5), dtype)
        # A negative float has no unsigned value: C leaves the result open.
        x = np.abs(x) if dtype.startswith("float") else x
        attrs = (("dtype", goal),)
        yield Case(f"cast-{dtype}-{goal}", "cast", (x,), x.astype(goal), attrs=attrs)
        yield Case(f"cast-{dtype}-{goal}-transposed", "cast", (x.T,), x.T.astype(goal), attrs=attrs)
    for dtype in dtypes:
        for shape in SHAPES:
            x = values(shape, dtype)
            yield Case(f"copy-{dtype}-{shape}", "copy", (x,), x)
        for layout, x in layouts((6, 5), dtype).items():
            yield Case(f"copy-{dtype}-{layout}", "copy", (x,), x)
        full = np.full((3, 4), 1, dtype)
        yield Case(f"copy-{dtype}-constant", "copy", (constant(1, dtype),), full)
        deep = values((4, 3, 2, 5), dtype).transpose(2, 0, 3, 1)
        yield Case(f"copy-{dtype}-permuted", "copy", (deep,), np.ascontiguousarray(deep))
    if {"int64", "int32"} <= set(dtypes):
        wide = np.array([1 << 40, -(1 << 31) - 1, 5], np.int64)
        attrs = (("dtype", "int32"),)
        yield Case("cast-int64-int32-wraps", "cast", (wide,), wide.astype(np.int32), attrs=attrs)
