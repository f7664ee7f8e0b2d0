"""Bind functions of the reductions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch


def sum_(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a sum; the element type stays, so that integers wrap around in their own."""
    x, out = inputs[0], outputs[0]
    return partial(np.add.reduce, x, call.attr("axes"), x.dtype, out)


def max_(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a largest."""
    return partial(np.maximum.reduce, inputs[0], call.attr("axes"), None, outputs[0])


def argmax(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the index of the first largest."""
    x, out = inputs[0], outputs[0]
    axis = call.attr("axis")
    return partial(np.argmax, x, axis, out)


BINDERS: dict[str, Binder] = {"sum": sum_, "max": max_, "argmax": argmax}
