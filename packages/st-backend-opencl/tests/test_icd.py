"""Runtimes that nobody registered are found and named to the loader."""

import os
import sys
from pathlib import Path

import pytest

from st.backend.opencl import icd


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A Python environment with Intel's runtime in it."""
    library = tmp_path / "prefix" / "lib" / "libintelocl.so"
    library.parent.mkdir(parents=True)
    library.touch()
    return tmp_path / "prefix"


def test_library_without_icd_file_is_found(prefix: Path) -> None:
    assert prefix / "lib" / "libintelocl.so" in icd.unregistered_libraries(prefix, [])


@pytest.mark.parametrize("entry", ["libintelocl.so", "/opt/intel/libintelocl.so"])
def test_registered_library_is_left_alone(prefix: Path, entry: str) -> None:
    found = icd.unregistered_libraries(prefix, [entry])

    assert prefix / "lib" / "libintelocl.so" not in found


def test_files_written_are_read_back_in_order(tmp_path: Path) -> None:
    libraries = ["libnvidia-opencl.so.1", "/opt/libintelocl.so"]

    first = icd.register_libraries(libraries, tmp_path)
    again = icd.register_libraries(libraries, tmp_path)

    assert icd.registered_libraries(first) == tuple(libraries)
    assert again == first
    assert icd.register_libraries(libraries[:1], tmp_path) != first


def test_loader_is_told_of_unregistered_runtimes_beside_the_others(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "pocl.icd").write_text("libpocl.so.2\n")
    monkeypatch.setattr(icd, "SYSTEM_VENDORS", tmp_path / "vendors")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setenv("ST_OPENCL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OCL_ICD_VENDORS", "")
    monkeypatch.delenv("OCL_ICD_VENDORS")

    icd.prepare_loader()

    named = icd.registered_libraries(Path(os.environ["OCL_ICD_VENDORS"]))
    assert named[0] == "libpocl.so.2"
    assert str(prefix / "lib" / "libintelocl.so") in named


def test_loader_named_by_the_user_is_left_alone(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setenv("OCL_ICD_VENDORS", "/mine")

    icd.prepare_loader()

    assert os.environ["OCL_ICD_VENDORS"] == "/mine"


def test_missing_directory_names_no_runtime(tmp_path: Path) -> None:
    assert icd.registered_libraries(tmp_path / "absent") == ()
