"""A backend as a plugin: found by capability, left out where its device is missing.

    python docs/examples/ecosystem/backend_plugin.py

prints

    backends: WGPU, Python
    WGPU is unavailable: no adapter found: install a graphics driver
    computing with Python: 6.0
"""

from st.core import (
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    PluginUnavailable,
    Registry,
)


class PythonDevice:
    """Computes in plain Python."""

    def total(self, values: list[float]) -> float:
        """The sum of the values."""
        return float(sum(values))


class PythonBackendPlugin(Plugin):
    """The backend that is always there."""

    metadata = PluginMetadata("python", "1.0").with_capability(PluginCapability.Backend("Python"))

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the device as a service of the backend's name."""
        ctx.register_service("backend.python", PythonDevice())


class WgpuBackendPlugin(Plugin):
    """A backend that needs a device; a higher rank has it tried first."""

    metadata = PluginMetadata("wgpu", "1.0.0", rank=10).with_capability(
        PluginCapability.Backend("WGPU")
    )

    def on_load(self, ctx: PluginContext) -> None:
        """Say what is missing; everything done until here is undone."""
        raise PluginUnavailable("no adapter found", "install a graphics driver")


def main() -> None:
    """Take the first backend that works."""
    with Registry() as registry:
        for plugin in (WgpuBackendPlugin, PythonBackendPlugin):
            try:
                registry.register(plugin)
            except PluginUnavailable:
                continue  # its state and its reason stay in the registry
        handles = [registry.get("wgpu"), registry.get("python")]
        names = [cap.name for handle in handles if handle for cap in handle.metadata.capabilities]
        print("backends:", ", ".join(names))
        for handle in registry.find_by_capability("Backend(WGPU)", all=True):
            print(f"WGPU is {handle.state}: {handle.reason}")
        (found,) = registry.find_by_capability(PluginCapability.Backend("python"), activate=True)
        device = registry.get_service(f"backend.{found.id}")
        print("computing with Python:", device.total([1, 2, 3]))


if __name__ == "__main__":
    main()
