"""PNG images, read back by the rules of the format."""

import base64
import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.views.png import png, png_address


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG, their checksums verified."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position = 8
    while position < len(data):
        (n_bytes,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        body = data[position + 8 : position + 8 + n_bytes]
        (checksum,) = struct.unpack_from(">I", data, position + 8 + n_bytes)
        assert checksum == zlib.crc32(kind + body)
        yield kind, body
        position += 12 + n_bytes


def pixels(data: bytes) -> list[list[int]]:
    """The grey levels of an 8-bit grey PNG whose lines are not filtered."""
    found = dict(chunks(data))
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert (depth, colour) == (8, 0)
    lines = zlib.decompress(found[b"IDAT"])
    assert len(lines) == height * (width + 1)
    return [list(lines[i + 1 : i + 1 + width]) for i in range(0, len(lines), width + 1)]


SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
IMAGES = SHAPES.flatmap(
    lambda shape: st.lists(
        st.lists(st.floats(0, 1), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@given(IMAGES)
def test_image_is_read_back_with_its_grey_levels(image: list[list[float]]) -> None:
    assert pixels(png(image)) == [[round(255 * level) for level in row] for row in image]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-1.0, 2.0], [0, 255]),
        (["NaN", "Infinity"], [0, 255]),
        (["x", None], [0, 0]),
    ],
    ids=["outside", "not finite", "no number"],
)
def test_level_that_is_none_is_clipped_or_black(row: list[object], expected: list[int]) -> None:
    assert pixels(png([row])) == [expected]


def test_short_row_is_filled_up_with_black() -> None:
    assert pixels(png([[1.0, 1.0], [1.0]])) == [[255, 255], [255, 0]]


@pytest.mark.parametrize("image", [[], [[]], [[], []]], ids=["no row", "empty row", "two"])
def test_image_without_pixels_is_one_black_pixel(image: list[list[float]]) -> None:
    assert pixels(png(image)) == [[0]]


def test_address_holds_the_image() -> None:
    kind, _, data = png_address([[0.5]]).partition(",")

    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == png([[0.5]])
