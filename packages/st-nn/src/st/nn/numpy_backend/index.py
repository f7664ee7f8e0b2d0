"""Bind functions of the operators that pick and place rows."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

Array = NDArray[Any]


def take(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind rows at indices; "clip" clamps and needs no buffer."""
    (x, indices), out = inputs, outputs[0]
    if indices.dtype == np.uint64:
        clamped = np.empty(indices.shape, np.int64)
        return partial(_take_unsigned, x, indices, clamped, out)
    return partial(np.take, x, indices, 0, out, "clip")


def _take_unsigned(x: Array, indices: Array, clamped: Array, out: Array) -> None:
    np.minimum(indices, np.uint64(len(x) - 1), out=clamped, casting="unsafe")
    np.take(x, clamped, 0, out, "clip")


def scatter_add(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the sum of rows at indices, in order of the updates."""
    (indices, updates), out = inputs, outputs[0]
    rows = np.empty(indices.shape, np.int64)
    last = np.array(len(out) - 1, indices.dtype)
    return partial(_scatter_add, indices, last, rows, updates, out)


def _scatter_add(indices: Array, last: Array, rows: Array, updates: Array, out: Array) -> None:
    np.minimum(indices, last, out=rows, casting="unsafe")
    np.maximum(rows, 0, out=rows)
    out.fill(0)
    np.add.at(out, rows, updates)


BINDERS: dict[str, Binder] = {"take": take, "scatter_add": scatter_add}
