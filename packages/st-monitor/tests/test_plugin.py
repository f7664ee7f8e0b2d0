"""The plugin as others find it."""

from importlib.metadata import distribution

import pytest

from st.core import PluginCapability, Registry
from st.core.panels import PANELS
from st.monitor import Metrics, Monitor, MonitorPlugin


@pytest.mark.parametrize(
    "capability", [PluginCapability.TELEMETRY, PluginCapability.VISUALIZATION], ids=str
)
def test_monitor_is_found_by_capability(registry: Registry, capability: PluginCapability) -> None:
    assert [handle.id for handle in registry.find_by_capability(capability)] == ["monitor"]


def test_services_are_what_they_are_called(registry: Registry) -> None:
    assert isinstance(registry.get_service("metrics"), Metrics)
    assert isinstance(registry.get_service("monitor"), Monitor)
    assert registry.get_service(PANELS) is registry.get_service("monitor")


def test_manifest_and_class_say_the_same() -> None:
    with Registry() as registry:
        registry.discover()
        handle = registry.load("monitor")

        assert handle.metadata.capabilities == MonitorPlugin.metadata.capabilities
        assert handle.metadata.provides == MonitorPlugin.metadata.provides
        assert handle.metadata.activate == "startup"
        assert handle.version == distribution("st-monitor").version


def test_monitor_loads_by_itself_at_the_start() -> None:
    with Registry() as registry:
        registry.discover()
        registry.initialize_all()

        assert registry.get("monitor").state.value == "active"  # type: ignore[union-attr]  # found
