"""What every source of data is: fields that a file may set, and `read`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.nn.data.dataset import Dataset
from st.nn.data.errors import DataError
from st.nn.data.reading import DEFAULT_LARGEST, Largest, checksum, read_bytes, unpacked
from st.nn.faults import TIMES

LARGEST = float(np.finfo(np.float32).max)
"""Numbers beyond it are no float32."""

Scale = Annotated[
    float,
    # Float32 holds it, and one over it: what was multiplied can be divided again.
    Meta(ge=1e-30, le=1e30, description="Every number is multiplied by it."),
]


Share = Annotated[
    float, Meta(gt=0, lt=1, description="Share of the data that is not learned from.")
]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of sources. The fields of a subclass are what ``[data]`` of an experiment may say.

    A plugin with the capability ``DataLoaders`` offers one in its manifest, at the point
    ``st.nn.sources``; an experiment names it by ``source``.
    """

    source: str
    held_out: Share = 0.2

    def read(self, folder: Path) -> Dataset:
        """Read everything; paths are relative to `folder`.

        Raises:
            DataError: It cannot be used as described; nothing is left out silently.
        """
        raise NotImplementedError(f"{type(self).__name__} has no read")

    def located(self, folder: Path) -> Self:
        """Return the same source with paths that do not depend on `folder`."""
        return self


class FileSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of sources that are one file."""

    path: Annotated[str, Meta(min_length=1, description="The file, relative to the experiment's.")]
    target_is: Annotated[
        Literal["class", "number"], Meta(description="Whether the target names a class.")
    ] = "class"
    shape: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...] | None,
        Meta(description="The shape of one row's numbers; without it they are as in the file."),
    ] = None
    scale: Scale = 1.0
    sha256: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None,
        Meta(description="Checksum of the file; other bytes are refused."),
    ] = None
    largest: Largest = DEFAULT_LARGEST

    def located(self, folder: Path) -> Self:
        """See `Source.located`."""
        return msgspec.structs.replace(self, path=str((folder / self.path).resolve()))

    def read_bytes(self, folder: Path) -> tuple[bytes, str]:
        """Return the bytes of the file, unpacked if it ends in ``.gz``, and the file's SHA-256.

        Raises:
            DataError: The file is missing, unreadable, has another checksum, or is no gzip file.
        """
        data = read_bytes(folder / self.path, self.path)
        digest = checksum(data, self.sha256, self.path)
        return unpacked(data, self.path, self.largest), digest

    def made(self, x: NDArray[np.float32], names: Sequence[str], digest: str) -> Dataset:
        """Return rows with a target as text as a data set: classes, or numbers.

        Args:
            x: float32, shape `(n, …)`, not scaled yet; may be modified.
            names: The target of each row; numbers where `target_is` says so.
            digest: The checksum of the file.
        """
        x *= np.float32(self.scale)
        x = x.reshape(len(x), *self._input_shape(x))
        rows = np.arange(1, len(x) + 1)
        if self.target_is == "number":
            y = np.array([float(name) for name in names], np.float32).reshape(-1, 1)
            return Dataset(x, y, (), rows, self.path, digest, self.scale)
        classes = _ordered(set(names))
        index = {name: label for label, name in enumerate(classes)}
        labels = np.array([index[name] for name in names], np.int64)
        return Dataset(x, labels, classes, rows, self.path, digest, self.scale)

    def _input_shape(self, x: NDArray[np.float32]) -> tuple[int, ...]:
        if self.shape is None:
            return x.shape[1:]
        n_numbers = prod(x.shape[1:])
        if prod(self.shape) != n_numbers:
            raise DataError(
                self.path,
                "shape",
                f"a shape of {n_numbers} numbers, as many as a row has",
                f"{TIMES.join(map(str, self.shape))} with {prod(self.shape)}",
            )
        return self.shape


def is_number(cell: str) -> bool:
    """Whether `cell` is a finite float32; Python's ``1_000`` is not."""
    try:
        return abs(float(cell)) <= LARGEST and "_" not in cell
    except ValueError:
        return False


def _ordered(names: set[str]) -> tuple[str, ...]:
    """Order class names as numbers where all are, otherwise as text."""
    if all(is_number(name) for name in names):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))


def shown_type(array: NDArray[Any]) -> str:
    """Return type and shape of an array, for messages."""
    return f"{array.dtype} {array.shape}"
