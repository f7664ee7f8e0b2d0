"""Bytes and text of files, with every reason why they cannot be had."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from st.nn.data.errors import DataError

_GIB: Final = 1 << 30

Largest = Annotated[
    int,
    Meta(
        ge=1, description="Bytes that a packed file may unpack to; a small one may hold very many."
    ),
]
"""The field of a source that bounds what a small file can grow to."""

DEFAULT_LARGEST: Final = _GIB


def read_bytes(path: Path, shown: str) -> bytes:
    """Return the bytes of a regular file.

    Args:
        path: Where it lies.
        shown: What messages call it.

    Raises:
        DataError: It is missing, no file (a device or a pipe may have no end), or unreadable.
    """
    try:
        if not path.exists():
            raise DataError(shown, "path", "a file", f"nothing at {path}")
        if not path.is_file():
            what = "a directory" if path.is_dir() else "a device or a pipe"
            raise DataError(shown, "path", "a readable file", what)
        return path.read_bytes()
    except OSError as error:
        given = str(error.strerror or error)
        raise DataError(shown, "path", "a readable file", given) from None


def checksum(data: bytes, expected: str | None, shown: str) -> str:
    """Return the SHA-256 of `data`.

    Raises:
        DataError: It is not the expected one.
    """
    digest = hashlib.sha256(data).hexdigest()
    if expected is not None and digest != expected:
        raise DataError(shown, "sha256", f"sha256 {expected}", f"sha256 {digest}")
    return digest


def unpacked(data: bytes, shown: str, largest: int) -> bytes:
    """Return what is packed in `data` if `shown` ends in ``.gz``, else `data`.

    Raises:
        DataError: It is no gzip file, or holds more than `largest` bytes.
    """
    if not shown.endswith(".gz"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            found = file.read(largest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(shown, "path", "a gzip file", str(error)) from None
    if len(found) > largest:
        raise DataError(
            shown,
            "largest",
            f"a file that unpacks to {largest:,} bytes or fewer",
            f"more, from {len(data):,} bytes; set largest higher if that is meant",
        )
    return found


def decoded(data: bytes, shown: str) -> str:
    """Return `data` as text; a byte order mark at its beginning is not part of it.

    Raises:
        DataError: It is not UTF-8; names the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        given = f"line {line}: byte 0x{data[error.start]:02x}"
        raise DataError(shown, "path", "UTF-8 text", given) from None
