"""Bind function of argsort."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

Array = NDArray[Any]


def argsort(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind a stable sort of indices. NumPy sorts into memory of its own, then it is copied."""
    return partial(_argsort, inputs[0], call.attr("axis"), outputs[0])


def _argsort(x: Array, axis: int, out: Array) -> None:
    np.copyto(out, np.argsort(x, axis, "stable"))


BINDERS: dict[str, Binder] = {"argsort": argsort}
