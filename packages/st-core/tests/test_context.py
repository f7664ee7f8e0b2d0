import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from st.core import (
    ClosedContextError,
    EpochStart,
    Plugin,
    PluginContext,
    PluginFailed,
    PluginMetadata,
    PluginUnloaded,
    Registry,
)
from st.core.testing import EventRecorder, assert_no_leaks


class Keeper(Plugin):
    """Keeps its context, so that tests can work through it."""

    metadata = PluginMetadata("keeper")

    def on_load(self, ctx: PluginContext) -> None:
        self.ctx = ctx

    def on_unload(self, ctx: PluginContext) -> None:
        ctx.publish(EpochStart(99))


@pytest.fixture
def ctx(registry: Registry) -> PluginContext:
    return registry.register(Keeper).plugin.ctx


def test_everything_is_undone_in_reverse_order(registry: Registry, ctx: PluginContext) -> None:
    order: list[str] = []

    @contextmanager
    def resource() -> Iterator[str]:
        yield "it"
        order.append("resource")

    ctx.callback(order.append, "first")
    assert ctx.enter_context(resource()) == "it"
    ctx.callback(order.append, "last")
    registry.unregister("keeper")

    assert order == ["last", "resource", "first"]


def test_a_plugin_leaves_nothing_behind(registry: Registry) -> None:
    with assert_no_leaks(registry):
        ctx = registry.register(Keeper).plugin.ctx
        ctx.subscribe("*", lambda _: None)
        ctx.register_service("x", 1)
        ctx.set_config("key", 1)
        ctx.track("x", lambda _: None)
        ctx.spawn(lambda stop: stop.wait())
        registry.unregister("keeper")


def test_services_and_subscriptions_are_gone_before_on_unload_runs(registry: Registry) -> None:
    seen: list[object] = []

    class Checker(Plugin):
        metadata = PluginMetadata("checker")

        def on_load(self, ctx: PluginContext) -> None:
            ctx.register_service("x", 1)
            ctx.subscribe(EpochStart, seen.append)

        def on_unload(self, ctx: PluginContext) -> None:
            ctx.publish(EpochStart(1))
            seen.append(ctx.get_service("x", default="gone"))

    registry.register(Checker)
    registry.unregister("checker")

    assert seen == ["gone"]


def test_registering_while_unloading_is_refused(registry: Registry) -> None:
    class Zombie(Plugin):
        metadata = PluginMetadata("zombie")

        def on_unload(self, ctx: PluginContext) -> None:
            ctx.register_service("x", 1)

    registry.register(Zombie)

    with pytest.raises(ExceptionGroup) as caught:
        registry.unregister("zombie")
    assert caught.group_contains(ClosedContextError, match="is unloading")
    assert "zombie" not in registry


def test_use_after_unload_is_refused(registry: Registry, ctx: PluginContext) -> None:
    registry.unregister("keeper")

    with pytest.raises(ClosedContextError, match="was unloaded"):
        ctx.publish(EpochStart(1))
    with pytest.raises(ClosedContextError):
        ctx.subscribe(EpochStart, print)
    with pytest.raises(ClosedContextError):
        ctx.get_service("x", default=None)


def test_every_step_of_an_unload_runs_and_all_errors_are_told(
    registry: Registry, ctx: PluginContext
) -> None:
    order: list[str] = []

    def fail(what: str) -> None:
        order.append(what)
        raise ValueError(what)

    ctx.callback(fail, "one")
    ctx.callback(fail, "two")
    recorder = EventRecorder(registry.bus, PluginUnloaded)
    with recorder as recorded, pytest.raises(ExceptionGroup) as caught:
        registry.unregister("keeper")

    assert order == ["two", "one"]
    assert len(caught.value.exceptions) == 2
    assert len(recorded.of(PluginUnloaded)[0].errors) == 2


def test_own_configuration_comes_before_what_is_set_for_all(
    registry: Registry, ctx: PluginContext
) -> None:
    registry.config.set("", "learning_rate", "0.1")

    assert ctx.get_config("learning_rate") == "0.1"
    ctx.set_config("learning_rate", "0.001")
    assert ctx.get_config("learning_rate") == "0.001"
    assert ctx.get_config("absent", 3) == 3


def test_a_schema_types_the_configuration_and_goes_with_the_plugin(registry: Registry) -> None:
    @dataclass
    class Settings:
        workers: int = 2

    class Typed(Plugin):
        metadata = PluginMetadata("typed")
        config_schema = Settings

        def on_load(self, ctx: PluginContext) -> None:
            self.workers = ctx.get_config("workers")

    registry.config.override("typed.workers=7")
    assert registry.register(Typed).plugin.workers == 7

    registry.unregister("typed")
    registry.config.set("typed", "anything", 1)


def test_a_spawned_thread_is_stopped_and_joined(registry: Registry, ctx: PluginContext) -> None:
    running = threading.Event()

    def target(stop: threading.Event) -> None:
        running.set()
        stop.wait()

    thread = ctx.spawn(target)
    running.wait()
    registry.unregister("keeper")

    assert not thread.is_alive()


def test_a_thread_that_does_not_stop_is_reported_by_name(
    registry: Registry, ctx: PluginContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("st.core.context.JOIN_TIMEOUT_S", 0.01)
    release = threading.Event()

    def stubborn(stop: threading.Event) -> None:
        release.wait()

    thread = ctx.spawn(stubborn)
    with pytest.raises(ExceptionGroup) as caught:
        registry.unregister("keeper")
    release.set()
    thread.join()

    assert caught.group_contains(TimeoutError, match="'keeper:stubborn' is still running")


def test_what_a_thread_raises_is_reported(registry: Registry, ctx: PluginContext) -> None:
    def fails(stop: threading.Event) -> None:
        raise ValueError("boom")

    with EventRecorder(registry.bus, PluginFailed) as recorded:
        ctx.spawn(fails).join()

    assert [(item.plugin_id, item.state) for item in recorded.events] == [("keeper", "active")]


def test_the_log_is_named_after_the_plugin(ctx: PluginContext) -> None:
    assert ctx.log.name == "st.plugin.keeper"
