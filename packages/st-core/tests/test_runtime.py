import pytest

from st.core import Registry, SystemInit, global_registry, init_plugin_system
from st.core.testing import EventRecorder


def test_the_global_registry_is_one() -> None:
    assert global_registry() is global_registry()


def test_another_registry_can_stand_in_for_it(registry: Registry) -> None:
    before = global_registry()

    with registry.as_global():
        assert global_registry() is registry
    assert global_registry() is before


def test_starting_initialises_a_stand_in_without_discovering(registry: Registry) -> None:
    recorder = EventRecorder(registry.bus, SystemInit)
    with registry.as_global(), recorder as recorded:
        assert init_plugin_system() is registry
        init_plugin_system()

    assert recorded.names == ["SystemInit"]
    assert registry.list() == ()


def test_after_its_end_the_system_starts_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])

    with init_plugin_system() as first:
        assert init_plugin_system() is first
    with init_plugin_system() as second:
        assert second is not first
        assert not second.is_shut_down
