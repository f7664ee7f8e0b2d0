from collections.abc import Iterator
from pathlib import Path

import pytest

from st.core import (
    ConfigError,
    PluginState,
    Registry,
    SystemInit,
    global_registry,
    init_plugin_system,
)
from st.core.config import config_path
from st.core.current import exchange
from st.core.testing import EventRecorder, FakeDistribution


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


@pytest.fixture
def no_global() -> Iterator[None]:
    """No global registry inside, and none afterwards: whoever asks next gets a new one."""
    exchange(None)
    yield
    exchange(None)


@pytest.mark.usefixtures("no_global")
def test_the_users_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text("block = ['st-greeter']\n[nn]\nworkers = 3\n")
    monkeypatch.setenv("ST_CONFIG", str(file))
    FakeDistribution("st-greeter", {"greeter": "x:y"}, manifest="[greeter]").write(tmp_path)

    registry = global_registry()
    registry.discover(path=[str(tmp_path)])

    assert registry.config.get("nn", "workers") == 3
    assert registry.get("greeter").state is PluginState.BLOCKED


@pytest.mark.usefixtures("no_global")
def test_a_wrong_value_in_the_users_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("block = 3\n")
    monkeypatch.setenv("ST_CONFIG", str(file))

    with pytest.raises(ConfigError, match=r"block \(from .*config.toml\): expected a list"):
        global_registry()


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"ST_CONFIG": "/a.toml", "XDG_CONFIG_HOME": "/x"}, "/a.toml"),
        ({"XDG_CONFIG_HOME": "/x"}, str(Path("/x/st/config.toml"))),
        ({}, str(Path.home() / ".config/st/config.toml")),
    ],
    ids=["named", "xdg", "home"],
)
def test_the_users_file_has_one_place(environ: dict[str, str], path: str) -> None:
    assert config_path(environ) == path
