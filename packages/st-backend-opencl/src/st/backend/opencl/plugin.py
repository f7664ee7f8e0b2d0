"""The plugin: chooses a device and offers the backend."""

from __future__ import annotations

from dataclasses import dataclass

from st.core import Plugin, PluginContext, PluginUnavailable, ServiceKey, TensorOp
from st.core.backend import service_name


@dataclass(frozen=True)
class Settings:
    """Configuration of the plugin "opencl"."""

    device: str = ""
    """A device's number, "gpu", "cpu" or a part of its name; ``ST_OPENCL_DEVICE`` wins."""


class OpenCLPlugin(Plugin):
    """Offers the services "backend.opencl" and "opencl.device".

    Loading only looks which devices there are; the context is made by the first allocation and
    each kernel is built by the first call that needs it.
    """

    config_schema = Settings

    def on_load(self, ctx: PluginContext) -> None:
        """Choose a device.

        Raises:
            PluginUnavailable: There is none, or pyopencl does not load.
        """
        try:
            from st.backend.opencl.backend import OpenCLBackend
            from st.backend.opencl.device import DeviceNotFoundError, choose, find_devices
        except ImportError as error:
            raise PluginUnavailable(
                f"pyopencl cannot be imported ({error})", "pip install pyopencl"
            ) from error
        try:
            device = choose(find_devices(), ctx.get_config("device"))
        except DeviceNotFoundError as error:
            raise PluginUnavailable(error.reason, error.hint) from error
        backend = OpenCLBackend(device, topic=ctx.topic(TensorOp))
        ctx.register_service(ServiceKey("opencl.device"), device)
        ctx.register_service(ServiceKey(service_name(backend.name)), backend)
