"""The source is found by its manifest, reads what the format says, and tells what is wrong."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from st_idx import IdxSource

from st.core import PluginCapability, Registry
from st.nn.data import DataError

# Three images of 2 x 2 written out by hand: type 8 (unsigned bytes), three axes, their lengths.
IMAGES = bytes.fromhex("00000803 00000003 00000002 00000002 00010203 04050607 08090aff")
LABELS = bytes.fromhex("00000801 00000003 070207")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").write_bytes(IMAGES)
    (tmp_path / "labels.gz").write_bytes(gzip.compress(LABELS))
    return tmp_path


def test_source_is_found_without_being_imported() -> None:
    with Registry() as registry:
        registry.discover()
        found = registry.find_by_capability(PluginCapability.DATA_LOADERS)
        names = [name for one in registry.contributions("st.nn.sources") for name in one.table]

    assert "idx" in [handle.id for handle in found]
    assert "idx" in names


def test_images_and_labels_are_what_the_format_says(folder: Path) -> None:
    data = IdxSource(images="images", labels="labels.gz", scale=0.5).read(folder)

    np.testing.assert_array_equal(data.x[2], np.array([[4.0, 4.5], [5.0, 127.5]], np.float32))
    assert data.scale == 0.5
    assert data.classes == ("2", "7")
    assert data.y.tolist() == [1, 0, 1]


def test_other_bytes_have_another_digest(folder: Path) -> None:
    source = IdxSource(images="images", labels="labels.gz")
    before = source.read(folder).digest
    (folder / "images").write_bytes(IMAGES[:-1] + b"\0")

    assert source.read(folder).digest != before


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (None, "No such file"),
        (b"", "begins with"),
        (b"PK\3\4", "begins with 50 4b"),
        (IMAGES[:-1], "28 bytes for shape"),
        (IMAGES + b"\0", "28 bytes for shape"),
        (b"\x1f\x8bnonsense", "readable IDX file"),
        (LABELS[:7] + b"\2\7\2", "whole number for each of the 2 images"),
    ],
    ids=["missing", "empty", "zip", "short", "long", "torn-gzip", "too-few"],
)
def test_file_that_is_none_is_one_clear_error(
    folder: Path, images: bytes | None, told: str
) -> None:
    (folder / "images").unlink()
    if images is not None:
        (folder / "images").write_bytes(images)

    with pytest.raises(DataError, match=told):
        IdxSource(images="images", labels="labels.gz").read(folder)
