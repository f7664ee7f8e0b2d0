"""Bind function of cosine and sine: two calls, where the decomposition makes seventy."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Array, Binder, Launch


def cos_sin(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind `st.nn.ops.cos_sin`."""
    (x,), (cosine, sine) = inputs, outputs
    return partial(_both, x, cosine, sine)


def _both(x: Array, cosine: Array, sine: Array) -> None:
    np.cos(x, cosine)
    np.sin(x, sine)


BINDERS: dict[str, Binder] = {"cos_sin": cos_sin}
