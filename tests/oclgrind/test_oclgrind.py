"""What oclgrind, which watches every access of every work-item, says about the kernels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNTIME = Path(os.environ["ST_OCLGRIND"])
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(not RUNTIME.is_file(), reason="needs Debian's package oclgrind")


def watched(log: Path, *command: str) -> tuple[str, str]:
    """Return what a script prints and what oclgrind writes about it."""
    environment = {
        **os.environ,
        "OCL_ICD_VENDORS": str(RUNTIME),
        "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_UNINITIALIZED": "1",
        "OCLGRIND_LOG": str(log),
        # Its interpreter stops at LLVM's freeze, and takes a vector that is filled lane by lane
        # for undefined once the optimizer has turned the array it was into a phi.
        "OCLGRIND_BUILD_OPTIONS": "-cl-opt-disable",
        # Without it, programs come from PyOpenCL's cache and reports name no line.
        "PYOPENCL_NO_CACHE": "1",
        "ST_OPENCL_CACHE_DIR": str(log.parent / "programs"),
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, log.read_text()


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_training_steps_leave_the_log_empty(tmp_path: Path, kind: str) -> None:
    printed, log = watched(tmp_path / "log", "tiny_step.py", kind)

    assert len(printed.split()) == 2
    assert log.strip() == ""


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_larger_kernels_leave_the_log_empty(tmp_path: Path, kind: str) -> None:
    printed, log = watched(tmp_path / "log", "kernels.py", kind)

    assert printed.split() == ["done"]
    assert log.strip() == ""


@pytest.mark.parametrize(
    ("fault", "report"),
    [
        ("race", "data race"),
        ("overflow", "Invalid write of size 4"),
        ("uninitialised", "Uninitialized value"),
    ],
)
def test_planted_fault_is_found(tmp_path: Path, fault: str, report: str) -> None:
    _, log = watched(tmp_path / "log", "planted.py", fault)

    assert report in log
    assert "planted" in log
