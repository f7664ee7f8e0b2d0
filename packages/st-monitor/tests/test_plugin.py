"""The plugin as others find it."""

from importlib.metadata import distribution

import pytest

from st.core import LoadError, PluginCapability, Registry
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


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [("mode", "loud", "loud"), ("budget", "much", "much"), ("modus", "full", "modus")],
)
def test_setting_that_is_none_is_refused(key: str, value: str, complaint: str) -> None:
    with Registry() as registry:
        registry.config.set("monitor", key, value)

        with pytest.raises(LoadError, match=complaint):
            registry.register(MonitorPlugin)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST_MONITOR__MODE", "count")
    monkeypatch.setenv("ST_MONITOR__BUDGET", "0.05")

    with Registry() as registry:
        registry.register(MonitorPlugin)
        config = registry.get_service("monitor").config

    assert (config.mode, config.budget) == ("count", 0.05)
