"""Operators at the edges: nothing, one value, NaN and infinities, ends of integers, wild indices.

The results are those of NumPy in the same element type; there are no gradients here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import erf
from typing import Any

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor
from st.nn.testing.case import Array

NAN, INF = float("nan"), float("inf")
INTEGERS = ("int32", "int64", "uint32", "uint64")


@dataclass(frozen=True, eq=False)
class EdgeCase:
    """A function of tensors, the same in NumPy, and arrays of any type to try it on."""

    id: str
    function: Callable[..., Tensor]
    oracle: Callable[..., Array]
    inputs: tuple[Array, ...]


def edge_cases(dtype: str) -> list[EdgeCase]:
    """Return the cases for a floating `dtype`, and those of integers and bools."""
    return [
        *_nothing(dtype),
        *_ordered(dtype),
        *_smallest(dtype),
        *_folded(dtype),
        *_joined(dtype),
        *_picked(dtype),
        *_special(dtype),
    ]


def special(dtype: str) -> Array:
    """Return every value at which a floating function may change its ways, twice."""
    return np.array([1, NAN, -INF, 0.0, INF, -0.0, NAN, 1, INF, -1, 0.5, -INF], dtype)


def ends(dtype: str) -> Array:
    """Return the ends of an integer type, and values between, some twice."""
    info = np.iinfo(dtype)
    return np.array([info.max, 1, info.min, 0, info.max, info.min, 7, 1, info.max - 1], dtype)


def _both(dtype: str) -> Iterator[tuple[str, Array]]:
    yield dtype, special(dtype)
    for integer in INTEGERS:
        yield integer, ends(integer)


def _nothing(dtype: str) -> Iterator[EdgeCase]:
    for shape in ((0,), (3, 0), (0, 3), (2, 0, 3)):
        x = np.zeros(shape, dtype)
        for name, function, oracle in (
            ("exp", ops.exp, np.exp),
            ("relu", ops.relu, lambda x: x),
            ("add", lambda x: x + x, lambda x: x),
            ("sort", lambda x: ops.sort(x)[0], np.sort),
            ("argsort", lambda x: ops.argsort(x, 0), lambda x: np.argsort(x, 0)),
            ("cumsum", lambda x: ops.cumsum(x, 0), lambda x: np.cumsum(x, 0)),
            ("flip", lambda x: ops.flip(x, 0), lambda x: np.flip(x, 0)),
            ("sum", ops.sum, np.sum),
            ("prod", ops.prod, np.prod),
            ("sum-first", lambda x: ops.sum(x, 0), lambda x: x.sum(0)),
            ("prod-first", lambda x: ops.prod(x, 0), lambda x: x.prod(0)),
            ("concat", lambda x: ops.concat([x, x], -1), lambda x: np.concatenate([x, x], -1)),
            ("pad", lambda x: ops.pad(x, 1, 2.0), lambda x: np.pad(x, 1, constant_values=2)),
            ("where", lambda x: ops.where(x > 0, x, 1.0), lambda x: x),
            ("transpose", lambda x: x.transpose() * 2.0, np.transpose),
        ):  # fmt: skip
            yield EdgeCase(f"{name}-of-nothing-{shape}", function, oracle, (x,))
        yield EdgeCase(
            f"take_along-of-nothing-{shape}",
            lambda x, i: ops.take_along(x, i, 0),
            lambda x, i: np.take_along_axis(x, i, 0),
            (x, np.zeros((0, *shape[1:]), np.int64)),
        )


def _ordered(dtype: str) -> Iterator[EdgeCase]:
    for name, x in (*_both(dtype), ("bool", np.array([1, 0, 0, 1, 1], "bool"))):
        rows = np.stack([x, x[::-1]])
        for descending in (False, True):
            way = "descending" if descending else "ascending"
            yield EdgeCase(
                f"argsort-{way}-{name}",
                lambda x, descending=descending: ops.argsort(x, descending=descending),
                lambda x, descending=descending: _argsort(x, descending),
                (rows,),
            )
            yield EdgeCase(
                f"sort-{way}-{name}",
                lambda x, descending=descending: ops.sort(x, descending=descending)[0],
                lambda x, descending=descending: np.take_along_axis(x, _argsort(x, descending), -1),
                (rows,),
            )
        yield EdgeCase(
            f"top_k-{name}",
            lambda x: ops.top_k(x, 3)[1],
            lambda x: _argsort(x, True)[:, :3],
            (rows,),
        )


def _argsort(x: Array, descending: bool) -> Array:
    """Return what Python's stable sort gives; NaN come last in either direction."""
    rows = []
    for row in x.tolist():
        order = range(len(row))
        finite = [n for n in order if row[n] == row[n]]
        sign = -1 if descending else 1
        # Python's integers turn without overflow.
        finite.sort(key=lambda n, row=row, sign=sign: sign * row[n])  # type: ignore[misc]  # bound
        rows.append([*finite, *(n for n in order if row[n] != row[n])])
    return np.array(rows)


def _smallest(dtype: str) -> Iterator[EdgeCase]:
    for name, x in _both(dtype):
        grid = np.stack([x, x[::-1], np.sort(x)])
        for axis in (0, 1):
            yield EdgeCase(
                f"min-{name}-{axis}",
                lambda x, axis=axis: ops.min(x, axis),
                lambda x, axis=axis: x.min(axis),
                (grid,),
            )
            yield EdgeCase(
                f"argmin-{name}-{axis}",
                lambda x, axis=axis: ops.argmin(x, axis),
                lambda x, axis=axis: x.argmin(axis),
                (grid,),
            )
        left, right = (np.ascontiguousarray(side) for side in np.meshgrid(x, x))
        yield EdgeCase(f"minimum-{name}", ops.minimum, np.minimum, (left, right))
        yield EdgeCase(
            f"minimum-constant-{name}",
            lambda x: ops.minimum(1, x),
            lambda x: np.minimum(x, x.dtype.type(1)),
            (x,),
        )
        for relation, oracle in (("lt", np.less), ("eq", np.equal), ("ge", np.greater_equal)):
            yield EdgeCase(
                f"{relation}-{name}",
                lambda x, y, relation=relation: ops.compare(x, y, relation),
                oracle,
                (left, right),
            )


def _folded(dtype: str) -> Iterator[EdgeCase]:
    for name, x in _both(dtype):
        for reverse in (False, True):
            yield EdgeCase(
                f"cumsum-{name}-{'reverse' if reverse else 'forward'}",
                lambda x, reverse=reverse: ops.cumsum(x, reverse=reverse),
                lambda x, reverse=reverse: _cumsum(x, reverse),
                (x,),
            )
        yield EdgeCase(
            f"prod-{name}", lambda x: ops.prod(x, 0), lambda x: x.prod(0, dtype=x.dtype), (x,)
        )
    long = np.random.default_rng(5).normal(size=(2, 1031)).astype(dtype)
    yield EdgeCase("cumsum-long", ops.cumsum, lambda x: np.cumsum(x, 1, np.float64), (long,))
    yield EdgeCase(
        "cumsum-infinite-row",
        lambda x: ops.cumsum(x, 1),
        lambda x: np.cumsum(x, 1),
        (np.array([[1, INF, 2, -3], [1, 2, 3, 4]], dtype),),
    )


def _cumsum(x: Array, reverse: bool) -> Array:
    turned = x[::-1] if reverse else x
    made = np.cumsum(turned, dtype=x.dtype)
    return made[::-1] if reverse else made


def _joined(dtype: str) -> Iterator[EdgeCase]:
    for name, axis in product((dtype, "int64", "uint32", "bool"), (0, 1, 2)):
        cube = (np.arange(24).reshape(2, 3, 4) % 5).astype(name)
        yield EdgeCase(
            f"concat-{name}-{axis}",
            lambda x, axis=axis: ops.concat([x, x, x], axis),
            lambda x, axis=axis: np.concatenate([x, x, x], axis),
            (cube,),
        )
    for name in (dtype, "int64", "uint32", "bool"):
        x = (np.arange(6).reshape(2, 3) % 2).astype(name)
        yield EdgeCase(
            f"pad-{name}",
            lambda x: ops.pad(x, ((1, 0), (2, 3)), 1),
            lambda x: np.pad(x, ((1, 0), (2, 3)), constant_values=1),
            (x,),
        )
    yield EdgeCase(
        "concat-signs",
        lambda x: 1.0 / ops.concat([x, x]),
        lambda x: 1 / np.concatenate([x, x]),
        (np.array([0.0, -0.0], dtype),),
    )
    yield EdgeCase(
        "concat-promotes",
        lambda x, y: ops.concat([x, y]),
        lambda x, y: np.concatenate([x, y.astype(x.dtype)]),
        (np.ones(2, dtype), np.arange(3)),
    )


def _picked(dtype: str) -> Iterator[EdgeCase]:
    x = np.arange(12.0).reshape(3, 4).astype(dtype)
    for name in INTEGERS:
        info = np.iinfo(name)
        wild = np.array([[0, 3, 4, info.max], [info.min, 2, 1, 3], [3, 3, 100, 0]], name)
        yield EdgeCase(f"take_along-clamps-{name}", ops.take_along, _clamped_take, (x, wild))
        yield EdgeCase(
            f"add_along-clamps-{name}",
            lambda i, x: ops.add_along(i, x, 3),
            _clamped_add,
            (wild, x),
        )
        labels = np.array([2, 0, 1], name)
        yield EdgeCase(
            f"one_hot-{name}",
            lambda y: ops.one_hot(y, 4),
            lambda y: np.arange(4) == y[:, None],
            (labels,),
        )


def _clamped_take(x: Array, indices: Array) -> Array:
    return np.take_along_axis(x, _clamped(indices, x.shape[1]), 1)


def _clamped_add(indices: Array, x: Array) -> Array:
    made = np.zeros((x.shape[0], 3), x.dtype)
    for (row, column), place in np.ndenumerate(_clamped(indices, 3)):
        made[row, place] += x[row, column]
    return made


def _clamped(indices: Array, n: int) -> Array:
    return np.array([[min(max(int(i), 0), n - 1) for i in row] for row in indices])


def _special(dtype: str) -> Iterator[EdgeCase]:
    x = special(dtype)
    yield EdgeCase("relu-special", ops.relu, lambda x: np.maximum(x, 0), (x,))
    yield EdgeCase("is_finite", ops.is_finite, np.isfinite, (x,))
    for name, values in ((dtype, x), ("int32", ends("int32")), ("int64", ends("int64"))):
        yield EdgeCase(f"abs-{name}", ops.abs, np.abs, (values,))
    yield EdgeCase("erf-special", ops.erf, _erf, (x,))
    yield EdgeCase("where-special", lambda x: ops.where(x > 0, x, -x), np.abs, (x[x == x],))
    rows = np.array([[0, -INF, 0], [1000, 1000, -1000], [-INF, -INF, 3]], dtype)
    yield EdgeCase("softmax-special", ops.softmax, _softmax, (rows,))
    yield EdgeCase(
        "log_softmax-special", ops.log_softmax, lambda x: np.log(_softmax(x)), (rows[:1] * 2,)
    )


def _erf(x: Array) -> Array:
    return np.array([erf(value) for value in x], x.dtype)


def _softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max(-1, keepdims=True), dtype=np.float64)
    return np.asarray(e / e.sum(-1, keepdims=True), x.dtype)


def difference(result: Any, expected: Any) -> float:
    """Return how far a result is off, relative to the largest finite value; inf for other kinds.

    NaN equals NaN, infinities and everything but floats have to be the same.
    """
    if result.shape != expected.shape:
        return INF
    if result.dtype.kind != "f":
        return 0.0 if np.array_equal(result, expected) else INF
    finite = np.isfinite(expected)
    if not np.array_equal(result[~finite], expected[~finite], equal_nan=True):
        return INF
    largest = float(np.abs(expected[finite]).max(initial=0.0))
    off = float(np.abs(result[finite].astype(np.float64) - expected[finite]).max(initial=0.0))
    return off / largest if largest else off
