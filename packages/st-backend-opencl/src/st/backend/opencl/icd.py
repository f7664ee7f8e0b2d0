"""Finds OpenCL runtimes whose own registration is missing or broken, before pyopencl loads them.

The loader in pyopencl's wheel reads ``/etc/OpenCL/vendors``, or what ``OCL_ICD_VENDORS`` names
instead, and always the ``.icd`` files beside itself (that is where PoCL's wheel puts its own).
Intel's wheel registers a path that does not exist, and containers get NVIDIA's library without an
``.icd`` file. For such libraries we write a directory of ``.icd`` files and name it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from st.backend.opencl.cache import default_directory

VENDORS_VARIABLE = "OCL_ICD_VENDORS"
SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")


def unregistered_libraries(prefix: Path, registered: Iterable[str]) -> tuple[Path, ...]:
    """Return runtimes that lie at known places and that no ``.icd`` file names.

    Args:
        prefix: Root of the Python environment, `sys.prefix` for this one.
        registered: What the ``.icd`` files of the machine contain: paths or bare file names.
    """
    names = {Path(entry).name for entry in registered}
    places = [
        prefix / "lib" / "libintelocl.so",
        *sorted(Path("/usr/local/nvidia").glob("lib*/libnvidia-opencl.so.1")),
    ]
    return tuple(path for path in places if path.is_file() and path.name not in names)


def registered_libraries(directory: Path) -> tuple[str, ...]:
    """Return the contents of the ``.icd`` files in `directory`; nothing when there is none."""
    return tuple(
        path.read_text(errors="replace").strip() for path in sorted(directory.glob("*.icd"))
    )


def register_libraries(libraries: Sequence[str], directory: Path) -> Path:
    """Write one ``.icd`` file for each library and return the directory they lie in.

    The directory is named for its contents, so that processes never change one another's.
    """
    named = directory / sha256("\n".join(libraries).encode()).hexdigest()[:16]
    named.mkdir(parents=True, exist_ok=True)
    for n, library in enumerate(libraries):
        beside = named / f"{n}.{os.getpid()}"
        beside.write_text(f"{library}\n")
        beside.replace(named / f"{n}.icd")
    return named


def prepare_loader() -> None:
    """Make the loader see every runtime; must run before the first call into OpenCL.

    Leaves a set ``OCL_ICD_VENDORS`` alone, and does nothing where all runtimes are registered.
    """
    if sys.platform != "linux" or VENDORS_VARIABLE in os.environ:
        return
    registered = registered_libraries(SYSTEM_VENDORS)
    missing = unregistered_libraries(Path(sys.prefix), registered)
    if missing:
        libraries = (*registered, *(str(path) for path in missing))
        directory = register_libraries(libraries, default_directory() / "vendors")
        os.environ[VENDORS_VARIABLE] = str(directory)
