"""The OpenCL devices of this machine, as plain facts, and which of them to use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from st.backend.opencl.icd import VENDORS_VARIABLE, prepare_loader
from st.core import StError

DEVICE_VARIABLE = "ST_OPENCL_DEVICE"
"""Environment variable that chooses the device; see `choose`."""

INSTALL_HINT = "pip install pocl-binary-distribution (any Linux CPU), or your GPU vendor's driver"


class DeviceNotFoundError(StError, LookupError):
    """There is no OpenCL device, or none that was asked for.

    Attributes:
        reason: What was found, as a sentence without the remedy.
        hint: What to do about it.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"{reason}: {hint}")
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of one device before anything runs on it."""

    index: int
    """Place in the list of `find_devices`."""
    name: str
    platform: str
    version: str
    """The OpenCL version the device speaks, and with which implementation."""
    driver: str
    kind: Literal["cpu", "gpu"]
    """Accelerators and custom devices count as GPUs: many lanes, own memory."""
    n_units: int
    """Compute units: threads on a CPU, multiprocessors on a GPU."""
    n_bytes: int
    """Global memory."""
    n_bytes_limit: int
    """Largest single allocation."""
    has_float64: bool
    shares_memory: bool
    """Whether host and device work on the same memory."""
    handle: Any = field(repr=False, compare=False)
    """The `pyopencl.Device`."""

    @property
    def description(self) -> str:
        """For people: ``"PoCL on Intel Xeon, 2 units"``."""
        return f"{self.name} ({self.platform}), {self.n_units} units"


def find_devices() -> tuple[Device, ...]:
    """Return every device of every platform, in the loader's order; empty when there is none."""
    prepare_loader()
    import pyopencl as cl

    try:
        platforms = cl.get_platforms()
    except cl.Error:  # PLATFORM_NOT_FOUND_KHR: the loader knows no runtime at all
        return ()
    handles = [(platform, handle) for platform in platforms for handle in _devices_of(platform)]
    return tuple(_facts(n, platform, handle) for n, (platform, handle) in enumerate(handles))


def choose(devices: Sequence[Device], wanted: str = "") -> Device:
    """Return the device to use: the first GPU, else the first device, unless one is named.

    Args:
        devices: What `find_devices` gave.
        wanted: A number in that list, "gpu", "cpu", or a part of the name of the device or its
            platform without regard to case. The environment variable ``ST_OPENCL_DEVICE`` wins.

    Raises:
        DeviceNotFoundError: There is no device, or none matches.
    """
    if not devices:
        raise DeviceNotFoundError("no OpenCL device was found", install_hint())
    wanted = (os.environ.get(DEVICE_VARIABLE) or wanted).strip().lower()
    matching = [device for device in devices if not wanted or _matches(device, wanted)]
    if not matching:
        names = ", ".join(f"{device.index}: {device.name}" for device in devices)
        raise DeviceNotFoundError(
            f"no OpenCL device matches {wanted!r}",
            f'choose a number, "gpu", "cpu" or a part of a name from {names}',
        )
    return min(matching, key=lambda device: device.kind != "gpu")


def install_hint() -> str:
    """Return what to do where there is no device."""
    named = os.environ.get(VENDORS_VARIABLE)
    if named:
        return f"{VENDORS_VARIABLE}={named} names no working runtime: unset it, or {INSTALL_HINT}"
    return INSTALL_HINT


def _matches(device: Device, wanted: str) -> bool:
    if wanted.isdigit():
        return device.index == int(wanted)
    if wanted in ("cpu", "gpu"):
        return device.kind == wanted
    return wanted in f"{device.platform} {device.name}".lower()


def _devices_of(platform: Any) -> list[Any]:
    import pyopencl as cl

    try:
        return list(platform.get_devices())
    except cl.Error:  # a driver without its hardware reports DEVICE_NOT_FOUND
        return []


def _facts(index: int, platform: Any, handle: Any) -> Device:
    import pyopencl as cl

    return Device(
        index=index,
        name=" ".join(handle.name.split()),
        platform=_short_platform(platform.name),
        version=handle.version.strip(),
        driver=handle.driver_version.strip(),
        kind="cpu" if handle.type & cl.device_type.CPU else "gpu",
        n_units=handle.max_compute_units,
        n_bytes=handle.global_mem_size,
        n_bytes_limit=handle.max_mem_alloc_size,
        has_float64="cl_khr_fp64" in handle.extensions.split(),
        shares_memory=bool(handle.host_unified_memory),
        handle=handle,
    )


def _short_platform(name: str) -> str:
    """Return the platform's name as people say it."""
    return "PoCL" if name.strip() == "Portable Computing Language" else name.strip()
