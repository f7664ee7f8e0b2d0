"""The backend "OpenCL": the same plans on the devices of any vendor.

Importing this package loads neither pyopencl nor a driver; the first use of a name does.

    >>> from st.backend.opencl import OpenCLBackend, choose, find_devices
    >>> OpenCLBackend(choose(find_devices())).name
    'OpenCL'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from st.backend.opencl.backend import OpenCLBackend
    from st.backend.opencl.cache import BinaryCache
    from st.backend.opencl.device import Device, DeviceNotFoundError, choose, find_devices
    from st.backend.opencl.plugin import OpenCLPlugin

_HOMES = {
    "BinaryCache": "cache",
    "Device": "device",
    "DeviceNotFoundError": "device",
    "OpenCLBackend": "backend",
    "OpenCLPlugin": "plugin",
    "choose": "device",
    "find_devices": "device",
}

__all__ = [
    "BinaryCache",
    "Device",
    "DeviceNotFoundError",
    "OpenCLBackend",
    "OpenCLPlugin",
    "choose",
    "find_devices",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
