import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from st.core import (
    EpochStart,
    Plugin,
    PluginContext,
    PluginMetadata,
    PluginState,
    Registry,
    ReloadError,
)
from st.core.testing import EventRecorder, assert_no_leaks

COUNTER = """
from st.core import EpochStart, Plugin, PluginMetadata

class Counter(Plugin):
    metadata = PluginMetadata("counter", "{version}", reload="{mode}", provides=("counter",))

    def on_load(self, ctx):
        self.n = 0
        ctx.register_service("counter", self)
        ctx.subscribe(EpochStart, self.count)

    def count(self, event):
        self.n += 1

    def export_state(self):
        return self.n

    def import_state(self, state):
        self.n = state
"""
MODES = pytest.mark.parametrize("mode", ["restart", "beside"])

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the next version of the counter, with one piece of it replaced."""

    def write_version(mode: str, version: int, old: str = "", new: str = "") -> Path:
        file = tmp_path / "counter.py"
        source = COUNTER.format(version=version, mode=mode)
        assert old in source
        file.write_text(source.replace(old, new) if old else source)
        return file

    return write_version


class OneGeneration:
    """Subscriptions, services and modules are as many as before: one set for one version."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def counts(self) -> tuple[int, int, int]:
        return (
            len(self.registry.bus.subscriptions()),
            len(self.registry.services.names()),
            sum("@" in name for name in sys.modules),
        )

    def __enter__(self) -> None:
        self.before = self.counts()

    def __exit__(self, *_: object) -> None:
        assert self.counts() == self.before


@MODES
def test_the_new_version_runs_with_the_state_of_the_old(
    registry: Registry, write: Write, mode: str
) -> None:
    registry.load_path(write(mode, 1))
    registry.bus.publish(EpochStart(1))
    write(mode, 2, "self.n += 1", "self.n += 10")

    with OneGeneration(registry):
        handle = registry.reload("counter")
    registry.bus.publish(EpochStart(2))

    assert (handle.version, handle.state) == ("2", PluginState.ACTIVE)
    assert registry.get_service("counter").n == 11


@MODES
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("class", "clas", "SyntaxError"),
        ("self.n = 0", "1 / 0", "ZeroDivisionError"),
        ("self.n = state", "raise OSError('state')", "OSError: state"),
        ("class Counter", "class Other", "has no class Counter any more"),
        ('"counter", "3"', '"other", "3"', "calls itself 'other'"),
    ],
    ids=["syntax", "on-load", "import-state", "class-gone", "other-id"],
)
def test_a_failing_reload_leaves_the_old_version_at_work(
    registry: Registry, write: Write, mode: str, old: str, new: str, why: str
) -> None:
    registry.load_path(write(mode, 1))
    registry.bus.publish(EpochStart(1))
    write(mode, 3, old, new)

    with (
        OneGeneration(registry),
        pytest.raises(ReloadError, match=f"version 1 is still running: .*{why}"),
    ):
        registry.reload("counter")
    registry.bus.publish(EpochStart(2))

    assert registry.get("counter").state is PluginState.ACTIVE
    assert registry.get_service("counter").n == 2


@MODES
def test_after_a_failing_reload_the_next_one_works(
    registry: Registry, write: Write, mode: str
) -> None:
    registry.load_path(write(mode, 1))
    write(mode, 2, "self.n = 0", "1 / 0")
    with pytest.raises(ReloadError):
        registry.reload("counter")

    write(mode, 3)

    assert registry.reload("counter").version == "3"


@MODES
def test_an_old_version_that_cannot_export_keeps_running(
    registry: Registry, write: Write, mode: str
) -> None:
    registry.load_path(write(mode, 1, "return self.n", "raise OSError('lost')"))
    write(mode, 2)

    with pytest.raises(ReloadError, match="version 1 is still running: OSError: lost"):
        registry.reload("counter")
    registry.bus.publish(EpochStart(1))

    assert registry.get_service("counter").n == 1


@MODES
def test_a_listener_that_does_not_return_puts_the_reload_off(
    registry: Registry, write: Write, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("st.core.reload.LIMIT_S", 0.01)
    inside, leave = threading.Event(), threading.Event()

    def linger(_: EpochStart) -> None:
        inside.set()
        leave.wait()

    registry.load_path(write(mode, 1))
    registry.bus.subscribe(EpochStart, linger, once=True)
    publisher = threading.Thread(target=registry.bus.publish, args=(EpochStart(1),))
    publisher.start()
    inside.wait()

    with pytest.raises(ReloadError, match="version 1 is still running: TimeoutError"):
        registry.reload("counter")
    leave.set()
    publisher.join()
    registry.bus.publish(EpochStart(2))

    assert registry.get_service("counter").n == 2


@MODES
@pytest.mark.parametrize("n_events", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_no_event_is_lost_or_doubled_while_versions_change(
    registry: Registry, write: Write, mode: str, n_events: int
) -> None:
    n_threads, n_reloads = 4, n_events // 2_000
    start = threading.Barrier(n_threads + 1)

    def publish() -> None:
        start.wait()
        for n in range(n_events // n_threads):
            registry.bus.publish(EpochStart(n))

    registry.load_path(write(mode, 0))
    publishers = [threading.Thread(target=publish) for _ in range(n_threads)]
    for publisher in publishers:
        publisher.start()
    start.wait()
    for version in range(1, n_reloads + 1):
        write(mode, version)
        registry.reload("counter")
    for publisher in publishers:
        publisher.join()

    assert registry.get_service("counter").n == n_events
    assert registry.get("counter").version == str(n_reloads)


@MODES
def test_plain_users_are_started_again_with_the_new_service(
    registry: Registry, write: Write, mode: str
) -> None:
    found: list[object] = []

    class User(Plugin):
        metadata = PluginMetadata("user")

        def on_load(self, ctx: PluginContext) -> None:
            found.append(ctx.get_service("counter"))

    registry.load_path(write(mode, 1))
    registry.register(User)
    registry.reload("counter")

    assert len(found) == 2
    assert found[1] is registry.get_service("counter")
    assert found[1] is not found[0]


@MODES
def test_dependents_hand_their_state_over_too(registry: Registry, write: Write, mode: str) -> None:
    class Dependent(Plugin):
        metadata = PluginMetadata("dependent", requires={"counter": ""})
        value = 0

        def on_load(self, ctx: PluginContext) -> None:
            pass

        def export_state(self) -> int:
            return self.value

        def import_state(self, state: int) -> None:
            self.value = state

    registry.load_path(write(mode, 1))
    registry.register(Dependent).plugin.value = 42
    first = registry.get("dependent").plugin

    registry.reload("counter")

    assert registry.get("dependent").plugin is not first
    assert registry.get("dependent").plugin.value == 42


def test_beside_keeps_the_old_version_listening_until_the_swap(
    registry: Registry, write: Write
) -> None:
    registry.load_path(write("beside", 1))
    old = registry.get_service("counter")
    write(
        "beside",
        2,
        "self.n = 0",
        "self.n = 0; ctx.publish(EpochStart(0)); self.during = ctx.get_service('counter')",
    )

    registry.reload("counter")

    new = registry.get_service("counter")
    assert new.during is old
    assert new.n == 1


def test_a_reload_is_told_as_unloaded_and_loaded(registry: Registry, write: Write) -> None:
    registry.load_path(write("restart", 1))

    with EventRecorder(registry.bus) as recorded:
        registry.reload("counter")

    assert [name for name in recorded.names if name.startswith("Plugin")] == [
        "PluginUnloaded",
        "PluginLoaded",
    ]


def test_a_class_is_restarted(registry: Registry) -> None:
    class Simple(Plugin):
        metadata = PluginMetadata("simple")

    first = registry.register(Simple).plugin

    assert registry.reload("simple").plugin is not first


def test_an_object_cannot_be_reloaded(registry: Registry) -> None:
    registry.register(Plugin(), metadata=PluginMetadata("object"))

    with pytest.raises(ReloadError, match="was registered as an object"):
        registry.reload("object")
    assert registry.get("object").state is PluginState.ACTIVE


def test_a_plugin_that_is_not_active_is_loaded_from_the_new_code(
    registry: Registry, tmp_path: Path
) -> None:
    folder, source = tmp_path / "plugins", COUNTER.format(version=1, mode="restart")
    folder.mkdir()
    (folder / "counter.py").write_text(source.replace("self.n = 0", "1 / 0"))
    registry.load_path(folder)
    (folder / "counter.py").write_text(source)

    assert registry.reload("counter").state is PluginState.ACTIVE


def test_reloading_a_hundred_times_leaves_nothing_behind(registry: Registry, write: Write) -> None:
    with assert_no_leaks(registry):
        registry.load_path(write("restart", 0))
        for _ in range(100):
            registry.reload("counter")
        registry.unregister("counter")


@pytest.mark.parametrize("way", ["publish", "record"])
def test_an_event_between_two_versions_waits_for_the_new_one(
    registry: Registry, write: Write, way: str
) -> None:
    topic = registry.bus.topic(EpochStart)
    published = threading.Event()

    def publish() -> None:
        if way == "publish":
            registry.bus.publish(EpochStart(1))
        elif (record := topic.record) is not None:
            record((1,))
        published.set()

    publisher = threading.Thread(target=publish)
    # Services of the context are gone, those of the registry are not: hand the thread over there.
    registry.services.register("publisher", publisher)
    registry.services.register("published", published)
    registry.load_path(
        write(
            "restart",
            1,
            "    def count",
            "    def on_unload(self, ctx):\n"
            "        ctx.registry.services.get('publisher').start()\n"
            "        self.early = ctx.registry.services.get('published').wait(0.1)\n\n"
            "    def count",
        )
    )
    old = registry.get_service("counter")
    write("restart", 2)
    registry.reload("counter")
    publisher.join()

    assert old.early is False
    assert registry.get_service("counter").n == 1


def test_while_it_is_exchanged_a_plugin_is_not_active(registry: Registry, write: Write) -> None:
    registry.load_path(
        write(
            "restart",
            1,
            "return self.n",
            "self.seen = str(self.ctx.registry.get('counter').state); return self.n",
        )
    )
    old = registry.get_service("counter")
    old.ctx = registry.plugins.contexts["counter"]
    write("restart", 2)
    registry.reload("counter")

    assert old.seen == "unloading"


@MODES
def test_an_exchange_that_takes_too_long_is_taken_back(
    registry: Registry, write: Write, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("st.core.reload.time.monotonic", lambda: 2 * next(clock))
    registry.load_path(write(mode, 1))
    registry.bus.publish(EpochStart(1))
    write(mode, 2)

    with pytest.raises(ReloadError, match=r"version 1 is still running: .*took longer than 1 s"):
        registry.reload("counter")
    registry.bus.publish(EpochStart(2))

    assert registry.get_service("counter").n == 2
    assert len(registry.bus.subscriptions()) == 1
