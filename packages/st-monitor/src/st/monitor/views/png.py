"""Grey-scale images as PNG data addresses, so that a page carries its pictures inside itself."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

from st.monitor.plain import as_number

__all__ = ["png", "png_address"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(rows: Sequence[Sequence[object]]) -> bytes:
    """Return a grey-scale PNG.

    Args:
        rows: The image, top row first; 0 is black, 1 white, values outside are clipped and
            whatever is no number is black. A short row is filled up with black. An image
            without pixels becomes one black pixel.
    """
    width = max((len(row) for row in rows), default=0)
    if width == 0:
        rows, width = [[0.0]], 1
    # Each scan line starts with filter type 0 (PNG specification, section 9.2).
    lines = b"".join(
        b"\0" + bytes(_grey(value) for value in row) + bytes(width - len(row)) for row in rows
    )
    # Bit depth 8, colour type 0 (grey), deflate, adaptive filtering, no interlace.
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 0, 0, 0, 0)
    return (
        _SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(lines, 9))
        + _chunk(b"IEND", b"")
    )


def png_address(rows: Sequence[Sequence[object]]) -> str:
    """Return the image as a ``data:`` address."""
    return "data:image/png;base64," + base64.b64encode(png(rows)).decode("ascii")


def _grey(value: object) -> int:
    level = as_number(value)
    if level is None or not level > 0:
        return 0
    return round(255 * min(level, 1.0))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
