import sys
from pathlib import Path

import pytest

from st.core import (
    DuplicatePluginError,
    EpochEnd,
    LoadError,
    PluginFailed,
    PluginState,
    PluginUnavailable,
    Registry,
)
from st.core.testing import EventRecorder, assert_no_leaks

LOUDER = '''
from st.core import EpochEnd, Plugin
class Louder(Plugin):
    """Shouts."""
    seen = []
    def on_load(self, ctx):
        ctx.subscribe(EpochEnd, self.seen.append)
'''


@pytest.fixture
def louder(tmp_path: Path) -> Path:
    file = tmp_path / "louder.py"
    file.write_text(LOUDER)
    return file


def test_a_file_is_a_plugin_named_after_it(registry: Registry, louder: Path) -> None:
    (handle,) = registry.load_path(louder)
    registry.bus.publish(EpochEnd(1, 0.5))

    assert (handle.id, handle.metadata.summary) == ("louder", "Shouts.")
    assert handle.origin == str(louder)
    assert handle.plugin.seen == [EpochEnd(1, 0.5)]


def test_a_file_leaves_neither_path_nor_module_behind(registry: Registry, louder: Path) -> None:
    before = list(sys.path)

    with assert_no_leaks(registry):
        registry.load_path(louder)
        registry.unregister("louder")
    assert sys.path == before
    assert not list(louder.parent.glob("__pycache__"))


def test_a_package_may_import_its_own_modules(registry: Registry, tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import Packed\n")
    (package / "inner.py").write_text(LOUDER.replace("Louder", "Packed"))

    with assert_no_leaks(registry):
        (handle,) = registry.load_path(package)
        assert handle.id == "pack"
        registry.unregister("pack")


def test_dataclasses_in_a_plugin_file_work(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "typed.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: int = 0\n" + LOUDER
    )

    assert registry.load_path(file)[0].id == "typed"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def(", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "defines no plugin"),
        (LOUDER.replace("ctx.subscribe(EpochEnd, self.seen.append)", "1 / 0"), "ZeroDivisionError"),
    ],
    ids=["syntax", "import", "exit", "no-plugin", "on-load"],
)
def test_a_broken_file_is_a_load_error_and_leaves_nothing(
    registry: Registry, tmp_path: Path, source: str, message: str
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(source)

    with assert_no_leaks(registry), pytest.raises(LoadError, match=message):
        registry.load_path(file)


def test_a_file_that_is_not_there_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"absent\.py: there is no such file"):
        registry.load_path(tmp_path / "absent.py")


def test_of_one_file_all_plugins_load_or_none(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(
        LOUDER
        + "class Failing(Plugin):\n    def on_load(self, ctx):\n        raise OSError('no')\n"
    )

    with assert_no_leaks(registry), pytest.raises(LoadError, match="no"):
        registry.load_path(file)


def test_in_a_folder_a_broken_file_hides_no_other(registry: Registry, louder: Path) -> None:
    (louder.parent / "broken.py").write_text("def(")
    (louder.parent / "failing.py").write_text(LOUDER.replace("self.seen.append", "self.nothing"))
    (louder.parent / "_private.py").write_text("raise SystemExit")
    (louder.parent / "notes.txt").write_text("no plugin")

    with EventRecorder(registry.bus, PluginFailed) as recorded:
        handles = registry.load_path(louder.parent)

    states = {handle.id: handle.state for handle in handles}
    assert states == {
        "broken": PluginState.BROKEN,
        "failing": PluginState.FAILED,
        "louder": PluginState.ACTIVE,
    }
    assert {item.plugin_id for item in recorded.events} == {"broken", "failing"}


def test_in_a_folder_plugins_load_in_the_order_they_need(
    registry: Registry, tmp_path: Path
) -> None:
    needs = (
        "    from st.core import PluginMetadata\n"
        "    metadata = PluginMetadata('a', requires={'b': ''})\n"
    )
    (tmp_path / "a.py").write_text(LOUDER.replace("    seen", needs + "    seen"))
    (tmp_path / "b.py").write_text(LOUDER)

    handles = registry.load_path(tmp_path)

    assert {handle.state for handle in handles} == {PluginState.ACTIVE}


def test_an_id_in_use_is_refused(registry: Registry, louder: Path) -> None:
    registry.load_path(louder)

    with assert_no_leaks(registry), pytest.raises(DuplicatePluginError):
        registry.load_path(louder)
    assert registry.get("louder").state is PluginState.ACTIVE


def test_events_of_dropped_modules_are_let_go(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "eventful.py"
    file.write_text(
        "from st.core import Event, Plugin, event\n@event\nclass Mine(Event):\n    n: int\n"
        "class Eventful(Plugin):\n    def on_load(self, ctx):\n"
        "        ctx.subscribe(Mine, print)\n        ctx.topic(Mine)\n"
    )

    for _ in range(3):
        registry.load_path(file)
        registry.unregister("eventful")

    assert not [cls for cls in registry.bus._keys if cls.event_name == "Mine"]


def test_a_file_whose_plugin_is_unavailable_can_be_tried_again(
    registry: Registry, tmp_path: Path
) -> None:
    file = tmp_path / "needy.py"
    file.write_text(
        "from st.core import Plugin, PluginUnavailable\nclass Needy(Plugin):\n"
        "    def on_load(self, ctx):\n        raise PluginUnavailable('no device')\n"
    )
    for _ in range(3):
        with pytest.raises(PluginUnavailable, match="no device"):
            registry.load_path(file)

    assert registry.get("needy").state is PluginState.UNAVAILABLE
    assert len([name for name in sys.modules if name.startswith("needy@")]) == 1
    registry.unregister("needy")
    assert not [name for name in sys.modules if name.startswith("needy@")]


def test_a_folder_loaded_again_replaces_what_failed(registry: Registry, louder: Path) -> None:
    source = louder.read_text()
    louder.write_text(source.replace("self.seen.append", "self.nothing"))
    registry.load_path(louder.parent)
    louder.write_text(source)

    (handle,) = registry.load_path(louder.parent)

    assert registry.get("louder") is handle
    assert handle.state is PluginState.ACTIVE
    assert len([name for name in sys.modules if name.startswith("louder@")]) == 1
