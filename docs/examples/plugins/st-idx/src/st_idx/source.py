"""The source `idx`: one file of images and one of labels.

An IDX file is two zero bytes, the element type, the number of axes, the length of each axis as
four bytes, the most significant first, and then the elements in C order
(http://yann.lecun.com/exdb/mnist, "the IDX file format").
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.nn.data import DataError, Dataset, Source

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

File = Annotated[str, Meta(min_length=1, description="An IDX file, relative to the experiment's.")]


class IdxSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Images and labels in two IDX files, each as it is or compressed by gzip."""

    source: Literal["idx"] = "idx"
    images: File
    labels: File
    scale: Annotated[float, Meta(ge=1e-30, le=1e30, description="Factor of every number.")] = 1.0

    def located(self, folder: Path) -> Self:
        """See `Source.located`."""
        images, labels = (str((folder / path).resolve()) for path in (self.images, self.labels))
        return msgspec.structs.replace(self, images=images, labels=labels)

    def read(self, folder: Path) -> Dataset:
        """See `Source.read`."""
        images, first = read_idx(folder, self.images, "images")
        labels, second = read_idx(folder, self.labels, "labels")
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "ui":
            expected = f"a whole number for each of the {len(images)} images"
            raise DataError(self.labels, "labels", expected, f"{labels.dtype} {labels.shape}")
        if not len(images) or not np.isfinite(images).all():
            raise DataError(self.images, "images", "finite numbers, one image or more", "others")
        found = np.unique(labels)
        return Dataset(
            images.astype(np.float32) * np.float32(self.scale),
            np.searchsorted(found, labels).astype(np.int64),
            tuple(str(label) for label in found),
            np.arange(1, len(images) + 1),
            self.images,
            hashlib.sha256(first + second).hexdigest(),
            self.scale,
        )


def read_idx(folder: Path, path: str, field: str) -> tuple[NDArray[Any], bytes]:
    """Return the array in an IDX file, and the file's bytes.

    Raises:
        DataError: It is missing, damaged, or no IDX file; names `field` of the experiment.
    """
    try:
        raw = (folder / path).read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, field, "a readable IDX file", str(error)) from None
    head = 4 + 4 * data[3] if len(data) >= 4 else 4
    if len(data) < head or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise DataError(path, field, "an IDX file", f"one that begins with {data[:4].hex(' ')}")
    shape = tuple(int(length) for length in np.frombuffer(data[4:head], ">u4"))
    dtype = np.dtype(TYPES[data[2]])
    expected = head + prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise DataError(path, field, f"{expected} bytes for shape {shape}", f"{len(data)} bytes")
    return np.frombuffer(data[head:], dtype).reshape(shape), raw
