"""Bind functions of operators that NumPy does in one pass, where decomposing takes several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch
from st.nn.numpy_backend.memory import operand

Array = NDArray[Any]


def concat(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind arrays one after another."""
    return partial(np.concatenate, [operand(x) for x in inputs], call.attr("axis"), outputs[0])


def pad(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a margin: the strips around the middle are filled, the middle is copied."""
    (x,), (out,) = inputs, outputs
    strips, middle = [], out
    for axis, (before, _) in enumerate(call.attr("widths")):
        lead, end = (slice(None),) * axis, before + x.shape[axis]
        strips += [middle[(*lead, slice(before))], middle[(*lead, slice(end, None))]]
        middle = middle[(*lead, slice(before, end))]
    value = np.array(call.attr("value"), out.dtype)
    return partial(_pad, [strip for strip in strips if strip.size], value, x, middle)


def _pad(strips: Sequence[Array], value: Array, x: Array, middle: Array) -> None:
    for strip in strips:
        strip[...] = value
    np.copyto(middle, x)


def cumsum(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind sums so far; the element type stays, so that integers wrap around in their own."""
    (x,), (out,), axis = inputs, outputs, call.attr("axis")
    if call.attr("reverse"):
        x, out = np.flip(x, axis), np.flip(out, axis)
    return partial(np.add.accumulate, x, axis, x.dtype, out)


def minimum(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the smaller of two; NumPy wants its output by keyword here."""
    return partial(np.minimum, *map(operand, inputs), out=outputs[0])


def min_(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a smallest."""
    return partial(np.minimum.reduce, inputs[0], call.attr("axes"), out=outputs[0])


BINDERS: dict[str, Binder] = {
    "concat": concat,
    "pad": pad,
    "cumsum": cumsum,
    "minimum": minimum,
    "min": min_,
}
