"""One vector for all parameters: where each of them lies in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from st.core.backend import DTYPES, Storage, View, dense, spec
from st.core.errors import StError

BOUNDARY = 128
"""Bytes: every parameter starts on one, which suits cache lines and vector loads of devices."""


class ParameterError(StError, ValueError):
    """Arrays that are not the parameters of the model."""


@dataclass(frozen=True)
class FlatLayout:
    """Offsets and shapes, in elements, of named parts of one vector of `dtype`."""

    dtype: str
    size: int
    parts: Mapping[str, tuple[int, tuple[int, ...]]]

    @property
    def n_bytes(self) -> int:
        """Bytes of the vector."""
        return self.size * DTYPES[self.dtype]

    def view(self, storage: Storage, name: str) -> View:
        """Return the part `name` of the vector that lies in `storage`."""
        offset, shape = self.parts[name]
        return dense(storage, spec(shape, self.dtype), offset)

    def whole(self, storage: Storage) -> View:
        """Return the vector that lies in `storage`."""
        return dense(storage, spec((self.size,), self.dtype))

    def span(self, names: Sequence[str]) -> slice:
        """Return where parts that follow each other lie, with the gaps behind them."""
        first, (offset, shape) = self.parts[names[0]][0], self.parts[names[-1]]
        return slice(first, offset + _padded(prod(shape), self.dtype))

    def pack(self, arrays: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        """Return the vector of `arrays`; the gaps are 0.

        Raises:
            ParameterError: A part is missing, unknown, or of another shape.
        """
        check_names(self.parts, arrays)
        flat = np.zeros(self.size, self.dtype)
        for name, (offset, shape) in self.parts.items():
            if arrays[name].shape != shape:
                raise ParameterError(
                    f"parameter {name!r} has shape {shape}, got {arrays[name].shape}"
                )
            flat[offset : offset + prod(shape)] = arrays[name].reshape(-1)
        return flat

    def unpack(self, flat: NDArray[np.generic]) -> dict[str, NDArray[np.generic]]:
        """Return copies of the parts of `flat`."""
        return {
            name: flat[offset : offset + prod(shape)].reshape(shape).copy()
            for name, (offset, shape) in self.parts.items()
        }


def layout(shapes: Mapping[str, tuple[int, ...]], dtype: str) -> FlatLayout:
    """Return the layout of parts of these shapes, in this order, each on a `BOUNDARY`."""
    parts, size = {}, 0
    for name, shape in shapes.items():
        parts[name] = (size, shape)
        size += _padded(prod(shape), dtype)
    return FlatLayout(dtype, size, parts)


def _padded(size: int, dtype: str) -> int:
    """Return the elements from one boundary to the next that hold `size` of them."""
    step = BOUNDARY // DTYPES[dtype]
    return -(-size // step) * step


def check_names(expected: Collection[str], given: Collection[str]) -> None:
    """Make sure that `given` has every name of `expected`, and no other.

    Raises:
        ParameterError: A name is missing or unknown.
    """
    for name in (*expected, *given):
        if name not in given or name not in expected:
            is_known = name in expected
            raise ParameterError(
                f"parameter {name!r} is {'missing' if is_known else 'none of this model'}; "
                f"the model has {', '.join(expected) or 'none'}"
            )
