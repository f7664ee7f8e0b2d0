"""Looks for what keeps OpenCL from working here, and says which command mends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from st.backend.opencl import icd
from st.backend.opencl.cache import CACHE_VARIABLE, BinaryCache, default_directory
from st.backend.opencl.device import DeviceNotFoundError, choose, find_devices, install_hint
from st.core import StError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "note", "broken"]
    found: str
    remedy: str = ""


def examine(wanted: str = "") -> Iterator[Finding]:
    """Yield findings, from the loader to a kernel that ran; stops at the first broken one.

    Args:
        wanted: The configured device; see `choose`.
    """
    try:
        yield Finding("pyopencl", "ok", version("pyopencl"))
    except PackageNotFoundError:
        yield Finding("pyopencl", "broken", "not installed", "pip install pyopencl")
        return
    yield from _runtimes()
    devices = find_devices()
    if not devices:
        yield Finding("devices", "broken", "none", install_hint())
        return
    yield Finding("devices", "ok", "; ".join(f"{d.index}: {d.description}" for d in devices))
    try:
        device = choose(devices, wanted)
    except DeviceNotFoundError as error:
        yield Finding("choice", "broken", error.reason, error.hint)
        return
    yield Finding("choice", "ok", f"{device.index}: {device.name}")
    if not device.has_float64:
        yield Finding("float64", "note", "this device has none: models must be float32")
    yield _cache()
    yield _kernel(device.index)


def _runtimes() -> Iterator[Finding]:
    """Where OpenCL runtimes are registered."""
    named = os.environ.get(icd.VENDORS_VARIABLE)
    if named:
        exists = Path(named).exists()
        yield Finding(
            icd.VENDORS_VARIABLE,
            "ok" if exists else "broken",
            named if exists else f"{named} does not exist",
            "" if exists else f"unset {icd.VENDORS_VARIABLE}",
        )
        return
    registered = icd.registered_libraries(icd.SYSTEM_VENDORS)
    listed = ", ".join(registered) or "no runtime"
    yield Finding(str(icd.SYSTEM_VENDORS), "ok" if registered else "note", listed)
    for path in icd.unregistered_libraries(Path(sys.prefix), registered):
        yield Finding("unregistered runtime", "ok", f"{path}, registered for this process")
    try:
        yield Finding("PoCL from the package index", "ok", version("pocl-binary-distribution"))
    except PackageNotFoundError:
        yield Finding(
            "PoCL from the package index",
            "note",
            "not installed; it makes any Linux CPU a device",
            "pip install pocl-binary-distribution",
        )


def _cache() -> Finding:
    cache = BinaryCache(default_directory())
    cache.store("doctor", b"works")
    is_kept = cache.load("doctor") == b"works"
    cache.discard("doctor")
    if is_kept:
        return Finding("program cache", "ok", str(cache.directory))
    return Finding(
        "program cache",
        "note",
        f"{cache.directory} cannot be written: every process builds its kernels anew",
        f"export {CACHE_VARIABLE}=<a writable directory>",
    )


def _kernel(index: int) -> Finding:
    """Whether a kernel builds, runs and adds up."""
    import numpy as np

    from st.backend.opencl.backend import OpenCLBackend
    from st.core.backend import Call, Storage, dense, spec

    backend = OpenCLBackend(find_devices()[index])
    x, y = (dense(Storage(400, "state"), spec((100,), "float32")) for _ in range(2))
    numbers = np.arange(100, dtype=np.float32)
    try:
        memory = {view.storage: backend.alloc(400) for view in (x, y)}
        backend.write(memory[x.storage], numbers.data)
        backend.launch(Call("add", (x, x), (y,)), memory)
        result = np.empty_like(numbers)
        backend.read(memory[y.storage], result.data)
    except StError as error:
        return Finding("first kernel", "broken", str(error), "update the device's driver")
    if (result != 2 * numbers).any():
        return Finding("first kernel", "broken", "x + x is wrong", "update the device's driver")
    return Finding("first kernel", "ok", "builds, runs and adds up")
