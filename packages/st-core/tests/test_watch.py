import os
import threading
from pathlib import Path

import pytest

from st.core import PluginFailed, PluginLoaded, Registry
from st.core.testing import EventRecorder
from st.core.watch import Watcher

SOURCE = """
from st.core import Plugin
class {name}(Plugin):
    version = {version}
    def on_load(self, ctx):
        pass
"""


def touch(file: Path, text: str) -> None:
    """Write a file so that its time differs from before, however coarse the clock."""
    stamp = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    os.utime(file, ns=(stamp + 10**9, stamp + 10**9))


@pytest.fixture
def watcher(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """A watcher over a folder with one plugin, looking only when it is told to."""
    monkeypatch.setattr(Watcher, "_run", lambda self: None)
    touch(tmp_path / "one.py", SOURCE.format(name="One", version=1))
    return registry.watch(tmp_path)


def test_watching_loads_what_is_there(registry: Registry, watcher: Watcher) -> None:
    assert registry.get("one").plugin.version == 1
    assert watcher.poll() == ()


def test_a_file_that_changes_is_reloaded(
    registry: Registry, watcher: Watcher, tmp_path: Path
) -> None:
    touch(tmp_path / "one.py", SOURCE.format(name="One", version=2))

    assert watcher.poll() == ("one",)
    assert registry.get("one").plugin.version == 2
    assert watcher.poll() == ()


def test_a_file_that_breaks_is_told_and_the_version_before_keeps_running(
    registry: Registry, watcher: Watcher, tmp_path: Path
) -> None:
    touch(tmp_path / "one.py", "def(")

    with EventRecorder(registry.bus, PluginFailed) as recorded:
        assert watcher.poll() == ()

    assert registry.get("one").plugin.version == 1
    assert [item.plugin_id for item in recorded.events] == ["one"]


def test_a_file_that_appears_is_loaded_and_one_that_goes_keeps_running(
    registry: Registry, watcher: Watcher, tmp_path: Path
) -> None:
    touch(tmp_path / "two.py", SOURCE.format(name="Two", version=1))
    (tmp_path / "one.py").unlink()

    assert watcher.poll() == ("two",)
    assert "one" in registry


def test_a_module_of_a_package_reloads_the_package(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watcher, "_run", lambda self: None)
    package = tmp_path / "pack"
    package.mkdir()
    touch(package / "__init__.py", "from .inner import Pack")
    touch(package / "inner.py", SOURCE.format(name="Pack", version=1))
    watcher = registry.watch(package)
    touch(package / "inner.py", SOURCE.format(name="Pack", version=2))

    assert watcher.poll() == ("pack",)
    assert registry.get("pack").plugin.version == 2


def test_the_thread_notices_by_itself_and_ends_when_closed(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("st.core.watch.INTERVAL_S", 0.001)
    file = tmp_path / "one.py"
    touch(file, SOURCE.format(name="One", version=1))
    loaded = threading.Event()

    with registry.watch(file):
        registry.bus.subscribe(PluginLoaded, lambda _: loaded.set())
        touch(file, SOURCE.format(name="One", version=2))
        assert loaded.wait(30)

    assert registry.get("one").plugin.version == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch")]
