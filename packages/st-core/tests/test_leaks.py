"""A thousand of everything, and the world as it was before."""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from st.core import (
    EpochStart,
    Event,
    LoadError,
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    Registry,
    event,
)
from st.core.testing import assert_no_leaks

N_CYCLES = 1_000
N_WARM_UP = 100
LIMIT_BYTES = 64 * 1024


@event
class Own(Event):
    n: int


class Busy(Plugin):
    """Uses everything a context offers."""

    metadata = PluginMetadata("busy", provides=("busy",)).with_capability(PluginCapability.VISION)

    def on_load(self, ctx: PluginContext) -> None:
        ctx.subscribe(EpochStart, self.listen)
        ctx.subscribe("*", self.listen, rank=1)
        ctx.subscribe(Own, [].append, raw=True)
        ctx.topic(Own)
        ctx.register_service("busy", self)
        ctx.register_service("lazy", factory=object)
        ctx.get_service("lazy")
        ctx.set_config("key", "value")
        ctx.track("busy", self.listen)
        ctx.callback(self.listen, None)
        ctx.publish(Own(1))
        ctx.publish(EpochStart(1))

    def listen(self, _: object) -> None:
        pass


class Failing(Busy):
    metadata = PluginMetadata("failing")

    def on_load(self, ctx: PluginContext) -> None:
        super().on_load(ctx)
        raise ValueError("boom")


def load_and_unload(registry: Registry, _: Path) -> None:
    registry.register(Busy)
    registry.unregister("busy")


def load_with_a_thread(registry: Registry, _: Path) -> None:
    registry.register(Busy)
    handle = registry.register(Plugin(), metadata=PluginMetadata("threaded"))
    context = registry.plugins.contexts[handle.id]
    context.spawn(lambda stop: stop.wait())
    registry.unregister("threaded")
    registry.unregister("busy")


def fail_to_load(registry: Registry, _: Path) -> None:
    with pytest.raises(LoadError):
        registry.register(Failing)


def load_a_file(registry: Registry, file: Path) -> None:
    registry.load_path(file)
    registry.unregister("busy-file")


def fail_to_load_a_file(registry: Registry, file: Path) -> None:
    with pytest.raises(LoadError):
        registry.load_path(file.with_name("failing.py"))


CYCLES = [load_and_unload, load_with_a_thread, fail_to_load]
SLOW_CYCLES = [load_a_file, fail_to_load_a_file]


@pytest.mark.parametrize(
    "cycle",
    [*CYCLES, *(pytest.param(cycle, marks=pytest.mark.slow) for cycle in SLOW_CYCLES)],
    ids=lambda cycle: cycle.__name__,
)
def test_a_thousand_cycles_leave_nothing_behind(
    registry: Registry, tmp_path: Path, cycle: Callable[[Registry, Path], None]
) -> None:
    file = tmp_path / "busy_file.py"
    source = (
        "from st.core import *\n@event\nclass FromFile(Event):\n    n: int\n"
        "class Busy(Plugin):\n    metadata = PluginMetadata('busy-file')\n"
        "    def on_load(self, ctx):\n"
        "        ctx.subscribe(FromFile, print)\n        ctx.topic(FromFile)\n"
        "        ctx.register_service('x', self)\n"
    )
    file.write_text(source)
    file.with_name("failing.py").write_text(source + "        1 / 0\n")
    for _ in range(N_WARM_UP):
        cycle(registry, file)

    with assert_no_leaks(registry):
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(N_CYCLES):
                cycle(registry, file)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()

    assert grown < LIMIT_BYTES
