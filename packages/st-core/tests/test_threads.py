"""Everything at once, from many threads that start together; the seed decides who does what."""

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from st.core import (
    ActivationCycleError,
    EpochStart,
    Plugin,
    PluginContext,
    PluginError,
    PluginMetadata,
    PluginState,
    Registry,
)
from st.core.testing import FakeDistribution, assert_no_leaks, importable

N_THREADS = 8
N_STEPS = 150


@pytest.fixture(autouse=True)
def _eager_switching() -> Iterator[None]:
    """Have threads change places a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def run_together(works: list[Callable[[], None]]) -> list[BaseException]:
    """Run all in threads that start at a barrier; what they raised."""
    barrier = threading.Barrier(len(works))
    raised: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    return raised


class Worker(Plugin):
    """One thread's own plugin: counts what it hears and offers a service."""

    def __init__(self, plugin_id: str) -> None:
        self.metadata = PluginMetadata(plugin_id)
        self.n = 0

    def on_load(self, ctx: PluginContext) -> None:
        ctx.subscribe(EpochStart, self.listen)
        ctx.register_service("worker", self)
        ctx.register_service(f"worker.{ctx.plugin_id}", factory=lambda: self)

    def listen(self, _: EpochStart) -> None:
        self.n += 1


@pytest.mark.parametrize("seed", range(3))
def test_registering_publishing_and_unloading_at_once(registry: Registry, seed: int) -> None:
    def work(number: int) -> Callable[[], None]:
        chance = random.Random(f"{seed}-{number}")
        plugin_id = f"w{number}"

        def steps() -> None:
            for _ in range(N_STEPS):
                plugin = Worker(plugin_id)
                registry.register(plugin)
                for _ in range(chance.randrange(4)):
                    registry.bus.publish(EpochStart(1))
                    assert registry.get_service(f"worker.{plugin_id}") is plugin
                    assert registry.get_service("worker", default=None) is not None
                with registry.bus.subscribe("*", lambda _: None, rank=chance.randrange(3)):
                    registry.list()
                registry.unregister(plugin_id)
                heard = plugin.n
                registry.bus.publish(EpochStart(2))
                assert plugin.n <= heard + N_THREADS, "it still listens"

        return steps

    with assert_no_leaks(registry):
        raised = run_together([work(number) for number in range(N_THREADS)])

    assert raised == []
    assert registry.list() == ()


def test_many_threads_that_need_one_plugin_load_it_once(registry: Registry) -> None:
    loads: list[int] = []
    got: list[object] = []

    class Shared(Plugin):
        def on_load(self, ctx: PluginContext) -> None:
            loads.append(1)
            ctx.register_service("shared", self)

    for _ in range(50):
        loads.clear()
        got.clear()
        registry.register(Shared, metadata=PluginMetadata("shared", provides=("shared",)))
        registry.unregister("shared")
        loads.clear()

        def ask() -> None:
            with suppress(PluginError):
                registry.register(Shared, metadata=PluginMetadata("shared", provides=("shared",)))
            got.append(registry.load("shared").plugin)

        assert run_together([ask] * N_THREADS) == []
        assert len(loads) == 1
        assert len(set(map(id, got))) == 1
        registry.unregister("shared")


def test_a_dependent_is_never_active_without_what_it_requires(
    registry: Registry, tmp_path: object
) -> None:
    source = "from st.core import Plugin\nclass Any(Plugin):\n    pass\n"
    manifest = "[base]\n[mid]\nrequires = { base = '' }\n[top]\nrequires = { mid = '' }\n"
    FakeDistribution(
        "st-chain",
        dict.fromkeys(("base", "mid", "top"), "fake_chain:Any"),
        manifest=manifest,
        modules={"fake_chain": source},
    ).write(tmp_path)
    broken: list[str] = []

    def check() -> None:
        with registry.plugins.lock:
            states = {handle.id: handle.state for handle in registry.plugins.all()}
        for one, two in (("mid", "base"), ("top", "mid")):
            if states[one] is PluginState.ACTIVE and states[two] is not PluginState.ACTIVE:
                broken.append(f"{one} without {two}")

    def work(number: int) -> Callable[[], None]:
        chance = random.Random(number)

        def steps() -> None:
            for _ in range(N_STEPS):
                plugin_id = chance.choice(("base", "mid", "top"))
                try:
                    if chance.random() < 0.6:
                        registry.load(plugin_id)
                    else:
                        registry.unregister(plugin_id, chance.choice(("refuse", "cascade")))
                except ActivationCycleError:
                    raise
                except PluginError:
                    pass
                check()

        return steps

    with importable(tmp_path):
        registry.discover(path=[str(tmp_path)])
        raised = run_together([work(number) for number in range(N_THREADS)])

    assert raised == []
    assert broken == []


def test_threads_that_activate_across_end_in_an_error_and_not_in_a_hang() -> None:
    registry = Registry(environ={}, wait_s=30)
    inside = threading.Barrier(2)

    def crossing(mine: str, other: str) -> type[Plugin]:
        class Crossing(Plugin):
            metadata = PluginMetadata(mine)

            def on_load(self, ctx: PluginContext) -> None:
                inside.wait()
                ctx.registry.load(other)

        return Crossing

    raised = run_together(
        [
            lambda: registry.register(crossing("a", "b")),
            lambda: registry.register(crossing("b", "a")),
        ]
    )

    assert any(isinstance(error, ActivationCycleError) for error in raised)
    assert all(isinstance(error, PluginError) for error in raised)
    assert registry.bus.subscriptions() == ()
    registry.shutdown()


def test_a_topic_is_right_whoever_comes_and_goes(registry: Registry) -> None:
    topic = registry.bus.topic(EpochStart)

    def come_and_go() -> None:
        for _ in range(N_STEPS):
            seen: list[tuple[int]] = []
            with registry.bus.subscribe(EpochStart, seen.append, raw=True):
                record = topic.record
                assert record is not None
                record((7,))
            assert (7,) in seen

    assert run_together([come_and_go] * N_THREADS) == []
    assert topic.record is None
