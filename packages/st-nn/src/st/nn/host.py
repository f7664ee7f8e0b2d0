"""Arrays on their way from the host to a device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Spec
from st.core.errors import StError


class BatchError(StError, ValueError):
    """Arrays that are no batch of this model."""


def as_batch(name: str, values: NDArray[Any], of: Spec) -> NDArray[Any]:
    """Return `values` in C order with the element type of `of`.

    A type of the same kind is converted, as is an integer to a float.

    Raises:
        BatchError: The shape is another, or the element type of another kind.
    """
    if values.shape != of.shape:
        axes = "".join(f", {length}" for length in of.shape[1:])
        raise BatchError(f"{name} has shape {values.shape}, expected (batch{axes})")
    if values.dtype != of.dtype and not np.can_cast(values.dtype, of.dtype, "same_kind"):
        raise BatchError(f"{name} is {values.dtype}, expected {of.dtype}")
    return np.ascontiguousarray(values, of.dtype)


def as_bytes(values: NDArray[Any]) -> memoryview:
    """Return the bytes of an array in C order; shares memory with an array that is."""
    if values.flags.c_contiguous and values.size:
        return values.data.cast("B")  # a third of the cost of going through an array of bytes
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
