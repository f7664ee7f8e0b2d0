"""st.core beside event libraries and plugin systems: dispatch, registration, look-up, reload.

The peers are optional: pip install pyee psygnal blinker pluggy pypubsub zope.component ipopo npe2
stevedore. Figures that need fresh interpreters are measured there, in shuffled rounds as well.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import core_peers as peers

from st.core import (
    EventBus,
    Plugin,
    PluginCapability,
    PluginContext,
    PluginMetadata,
    Registry,
    ServiceKey,
    TensorOp,
)
from st.core.testing import FakeDistribution

NAME = "core"

FIELDS = ("matmul", ((32, 64), (64, 16)), 0, 1, "NumPy", "")
OURS = "st.core"
ROUNDS = 15


def run(bench: Any) -> None:
    """Run everything; about two minutes."""
    publish(bench)
    hot_path(bench)
    registration(bench)
    look_up(bench)
    reload(bench)
    discovery(bench)
    import_time(bench)


def publish(bench: Any) -> None:
    """An event that exists already, to listeners that do nothing."""
    event = TensorOp(*FIELDS)
    for n in (0, 1, 10, 100):
        bus = EventBus()
        for _ in range(n):
            bus.subscribe(TensorOp, peers.listener())
        # The slowest peer takes milliseconds at 100 listeners.
        others = {
            name: make for name, make in peers.PUBLISH.items() if n < 100 or "iPOPO" not in name
        }
        publish_ours = partial(bus.publish, event)
        calls = {OURS: publish_ours, **peers.available(others, n, event)}
        bench.case(f"publish, {n} listeners", calls, base=OURS)


def hot_path(bench: Any) -> None:
    """What a publisher pays that cannot afford to build events nobody wants."""
    bus = EventBus()
    topic = bus.topic(TensorOp)

    def guarded() -> None:
        if (record := topic.record) is not None:
            record(FIELDS)

    def empty() -> None:
        pass

    bench.case("guard, nobody listens", {"guard": guarded, "empty function": empty})
    sink: deque[tuple[Any, ...]] = deque(maxlen=1)
    append = sink.append

    def direct() -> None:
        append(FIELDS)

    with bus.subscribe(TensorOp, append, raw=True):
        bench.case("record to one raw sink", {"guard + record": guarded, "deque.append": direct})
    with bus.subscribe(TensorOp, peers.listener()):
        bench.case(
            "build and publish to one listener",
            {"record": guarded, "publish": lambda: bus.publish(TensorOp(*FIELDS))},
        )


def plugin_class(plugin_id: str, *, offers: bool = False) -> type[Plugin]:
    """A plugin with one listener, as the peers' have; `offers` adds a capability and a service."""
    facts = PluginMetadata(plugin_id, "1.0")

    class Benched(Plugin):
        metadata = facts.with_capability(PluginCapability.VISION) if offers else facts

        def on_load(self, ctx: PluginContext) -> None:
            ctx.subscribe(TensorOp, self.listen)
            if offers:
                ctx.register_service(f"of.{plugin_id}", self)

        def listen(self, event: TensorOp) -> None:
            pass

    return Benched


def registration(bench: Any) -> None:
    """One plugin in and out, beside n others."""
    for n in (100, 1_000, 10_000):
        registry = Registry(environ={})
        for i in range(n):
            registry.register(plugin_class(f"p{i}", offers=True))

        def cycle(registry: Registry, one: type[Plugin]) -> None:
            registry.register(one)
            registry.unregister("one")

        ours = {
            OURS: partial(cycle, registry, plugin_class("one")),
            f"{OURS}, with capability and service": partial(
                cycle, registry, plugin_class("one", offers=True)
            ),
        }
        # npe2 and zope need minutes to get 10,000 in.
        makers = peers.REGISTER if n < 10_000 else {"pluggy": peers.pluggy_register}
        calls = {**ours, **peers.available(makers, n)}
        bench.case(f"register + unregister beside {n:,} plugins", calls, base=OURS)


def look_up(bench: Any) -> None:
    """The best of n services of one name."""
    key: ServiceKey[object] = ServiceKey("st.service")
    for n in (1, 1_000):
        registry = Registry(environ={})
        for i in range(n):
            registry.services.register(key, object(), rank=i)
        calls = {OURS: partial(registry.get_service, key), **peers.available(peers.LOOK_UP, n)}
        bench.case(f"best of {n:,} services", calls, base=OURS)


COUNTER = """
from st.core import EpochStart, Plugin, PluginMetadata
class Counter(Plugin):
    metadata = PluginMetadata("counter", "{version}", reload="{mode}")
    def on_load(self, ctx):
        self.n = 0
        ctx.subscribe(EpochStart, self.count)
    def count(self, event):
        self.n += 1
    def export_state(self):
        return self.n
    def import_state(self, state):
        self.n = state
"""


def reload(bench: Any) -> None:
    """A new version of a plugin file in the place of the old, with its state."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("restart", "beside"):
            file = Path(folder, "counter.py")
            file.write_text(COUNTER.format(version=0, mode=mode))
            with Registry(environ={}) as registry:
                registry.load_path(file)
                times: list[float] = []
                for version in range(1, 51):
                    file.write_text(COUNTER.format(version=version, mode=mode))
                    began = time.perf_counter()
                    registry.reload("counter")
                    times.append((time.perf_counter() - began) * 1e3)
            figures[mode] = statistics.median(times)
    bench.record("reload of a plugin file, median of 50", figures, "ms")


# --- in fresh interpreters ------------------------------------------------------------------------

N_DISTRIBUTIONS, N_PLUGINS, IMPORT_S = 200, 20, 0.02

# What is imported, and what is called then.
DISCOVER = {
    OURS: ("from st.core import Registry", "assert len(Registry().discover()) >= 20"),
    "importlib.metadata, nothing loaded": (
        "from importlib.metadata import entry_points",
        "assert len(entry_points(group='st.plugins')) >= 20",
    ),
    "npe2": (
        "from npe2 import PluginManager",
        "p = PluginManager(); p.discover(); assert len(list(p.iter_manifests())) >= 20",
    ),
    "pluggy": (
        "from pluggy import PluginManager",
        "assert PluginManager('x').load_setuptools_entrypoints('st.plugins') >= 20",
    ),
    "stevedore": (
        "from stevedore import ExtensionManager",
        "assert len(list(ExtensionManager('st.plugins'))) >= 20",
    ),
}
IMPORTED_CHECK = "assert not [m for m in sys.modules if m.startswith('benched')], 'imported'"


def discovery(bench: Any) -> None:
    """200 distributions, 20 with a plugin that takes 20 ms to import."""
    with tempfile.TemporaryDirectory() as folder:
        write_site(Path(folder))
        begin = f"import sys; sys.path.insert(0, {folder!r})"
        title = f"discovery, {N_DISTRIBUTIONS} distributions, {N_PLUGINS} plugins, "
        alone = {
            name: f"{begin}; {imports}; t = time.perf_counter(); {call}"
            for name, (imports, call) in DISCOVER.items()
        }
        alone[OURS] += f"; {IMPORTED_CHECK}"
        bench.keep(title + "the call alone", in_fresh_interpreters(alone), OURS)
        whole = {
            name: f"{begin}; t = time.perf_counter(); {imports}; {call}"
            for name, (imports, call) in DISCOVER.items()
        }
        bench.keep(title + "with the tool's import", in_fresh_interpreters(whole), OURS)


def write_site(folder: Path) -> None:
    """The distributions; npe2 finds its own kind of manifest beside ours."""
    for i in range(N_DISTRIBUTIONS):
        is_plugin = i < N_PLUGINS
        module = f"benched{i}"
        name = f"bench-dist{i}"
        FakeDistribution(
            name,
            {f"bench{i}": f"{module}:Plugin"} if is_plugin else {},
            manifest=f'[bench{i}]\ncapabilities = ["Vision"]\n' if is_plugin else "",
            modules={f"{module}/__init__": MODULE} if is_plugin else {},
            group="st.plugins" if is_plugin else "console_scripts",
        ).write(folder)
        if is_plugin:
            info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
            with (info / "entry_points.txt").open("a") as file:
                file.write(f"\n[napari.manifest]\n{name} = {module}:napari.yaml\n")
            manifest = f"name: {name}\ncontributions: {{}}\n"
            (folder / module / "napari.yaml").write_text(manifest)


MODULE = f"import time\ntime.sleep({IMPORT_S})\nclass Plugin:\n    pass\n"


def import_time(bench: Any) -> None:
    """From nothing to the name one uses first."""
    codes = {
        "import st.core": "import st.core",
        "st.core, Registry": "from st.core import Registry",
        "st.core, EventBus": "from st.core import EventBus",
        **{name: f"import {name}" for name in ("pluggy", "blinker", "pyee", "psygnal")},
        **{name: f"import {name}" for name in ("stevedore", "zope.component", "npe2")},
    }
    scripts = {name: f"import sys; t = time.perf_counter(); {code}" for name, code in codes.items()}
    bench.keep("import", in_fresh_interpreters(scripts), "pluggy")


def in_fresh_interpreters(scripts: Mapping[str, str]) -> dict[str, list[float]]:
    """The nanoseconds each script takes from its `t` on, in shuffled rounds."""
    times: dict[str, list[float]] = {name: [] for name in scripts}
    # Users have compiled files; a developer's shell may have turned writing them off.
    environ = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    shuffled = random.Random(0)
    for i in range(ROUNDS + 1):
        for name in shuffled.sample(list(times), len(times)):
            code = f"import time; {scripts[name]}; print((time.perf_counter() - t) * 1e9)"
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=False,
                env=environ,
            )
            if done.returncode:
                print(f"left out: {name} ({done.stderr.strip().splitlines()[-1]})")
                del times[name]
            elif i > 0:  # the first round compiles
                times[name].append(float(done.stdout))
    return times
