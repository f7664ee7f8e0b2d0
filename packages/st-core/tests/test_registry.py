import threading

import pytest

from st.core import (
    ActivationCycleError,
    DuplicatePluginError,
    LoadError,
    MetadataError,
    Plugin,
    PluginCapability,
    PluginContext,
    PluginFailed,
    PluginLoaded,
    PluginMetadata,
    PluginNotFoundError,
    PluginState,
    PluginUnavailable,
    PluginUnloaded,
    Registry,
    ServiceNotFoundError,
    SystemInit,
    SystemShutdown,
    TransitionTimeoutError,
)
from st.core.testing import EventRecorder, assert_no_leaks


def make(plugin_id: str, version: str = "1.0", **facts: object) -> type[Plugin]:
    """A plugin class that provides a service of its own name."""

    class Made(Plugin):
        metadata = PluginMetadata(plugin_id, version, **facts)

        def on_load(self, ctx: PluginContext) -> None:
            ctx.register_service(f"of.{plugin_id}", self)

    return Made


def failing(error: BaseException) -> type[Plugin]:
    """A plugin class whose `on_load` does a lot and then raises."""

    class Failing(Plugin):
        metadata = PluginMetadata("failing").with_capability(PluginCapability.VISION)

        def on_load(self, ctx: PluginContext) -> None:
            ctx.subscribe("*", lambda _: None)
            ctx.register_service("x", 1)
            ctx.set_config("key", 1)
            ctx.spawn(lambda stop: stop.wait())
            raise error

    return Failing


# --- register and unregister ----------------------------------------------------------------------


def test_a_registered_plugin_is_active_and_told_of(registry: Registry) -> None:
    with EventRecorder(registry.bus, PluginLoaded) as recorded:
        handle = registry.register(make("a"))

    assert handle.state is PluginState.ACTIVE
    assert registry.get("a") is handle
    [loaded] = recorded.events
    assert loaded.plugin_id == "a"
    assert loaded.seconds > 0


def test_an_object_of_the_right_shape_is_a_plugin(registry: Registry) -> None:
    class Shape:
        loaded = False

        def metadata(self) -> PluginMetadata:
            return PluginMetadata("shape", "2.0")

        def on_load(self, ctx: PluginContext) -> None:
            self.loaded = True

    shape = Shape()
    handle = registry.register(shape)

    assert (handle.id, handle.plugin.loaded) == ("shape", True)
    registry.unregister("shape")


def test_metadata_may_come_from_outside(registry: Registry) -> None:
    handle = registry.register(Plugin(), metadata=PluginMetadata("plain"))

    assert handle.id == "plain"


def test_a_plugin_without_metadata_is_refused(registry: Registry) -> None:
    with pytest.raises(MetadataError, match="has no metadata"):
        registry.register(Plugin)


def test_what_has_no_on_load_is_no_plugin(registry: Registry) -> None:
    with pytest.raises(LoadError, match="has no on_load"):
        registry.register(object(), metadata=PluginMetadata("a"))


def test_an_id_is_taken_only_once(registry: Registry) -> None:
    registry.register(make("a"))

    with pytest.raises(DuplicatePluginError, match="'a' of registered here is there already"):
        registry.register(make("a"))


def test_unregister_undoes_register(registry: Registry) -> None:
    with assert_no_leaks(registry):
        registry.register(make("a", capabilities=(PluginCapability.VISION,)))

        assert registry.unregister("a") == ("a",)
    assert "a" not in registry
    assert registry.find_by_capability("Vision", all=True) == ()


def test_an_unknown_plugin_names_the_nearest_and_who_provides_it(registry: Registry) -> None:
    registry.register(make("greeter"))

    with pytest.raises(PluginNotFoundError, match="did you mean 'greeter'"):
        registry.load("greter")
    with pytest.raises(PluginNotFoundError, match=r"pip install ./packages/st-monitor provides it"):
        registry.unregister("monitor")


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ValueError("boom"), SystemExit(1), KeyboardInterrupt()], ids=repr
)
def test_a_failing_on_load_leaves_no_trace(registry: Registry, error: BaseException) -> None:
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else LoadError

    with assert_no_leaks(registry), pytest.raises(expected):
        registry.register(failing(error))
    assert registry.list() == ()
    assert registry.find_by_capability("Vision", all=True) == ()


def test_a_load_error_carries_its_cause_and_is_told_of(registry: Registry) -> None:
    cause = ValueError("boom")

    recorder = EventRecorder(registry.bus, PluginFailed)
    with (
        recorder as recorded,
        pytest.raises(LoadError, match=r"failing.*ValueError: boom") as caught,
    ):
        registry.register(failing(cause))

    assert caught.value.__cause__ is cause
    assert [(item.plugin_id, item.state) for item in recorded.events] == [("failing", "failed")]


def test_an_unavailable_plugin_keeps_its_reason_and_can_be_tried_again(
    registry: Registry,
) -> None:
    devices: list[str] = []

    class NeedsDevice(Plugin):
        metadata = PluginMetadata("needs-device", provides=("device",))

        def on_load(self, ctx: PluginContext) -> None:
            ctx.subscribe("*", lambda _: None)
            if not devices:
                raise PluginUnavailable("no device found", "plug one in")
            ctx.register_service("device", devices[0])

    with pytest.raises(PluginUnavailable, match="no device found: plug one in") as caught:
        registry.register(NeedsDevice)
    handle = registry.get("needs-device")
    assert caught.value.plugin_id == "needs-device"
    assert (handle.state, handle.reason) == (
        PluginState.UNAVAILABLE,
        "no device found: plug one in",
    )
    assert registry.bus.subscriptions() == ()

    devices.append("gpu")
    with pytest.raises(ServiceNotFoundError):
        registry.get_service("device")
    registry.load("needs-device")
    assert registry.get_service("device") == "gpu"


# --- activation and circles -----------------------------------------------------------------------


def test_plugins_that_load_one_another_end_in_a_clear_error(registry: Registry) -> None:
    class One(Plugin):
        metadata = PluginMetadata("one")

        def on_load(self, ctx: PluginContext) -> None:
            ctx.registry.register(Two)

    class Two(Plugin):
        metadata = PluginMetadata("two")

        def on_load(self, ctx: PluginContext) -> None:
            ctx.registry.load("one")

    with assert_no_leaks(registry), pytest.raises(ActivationCycleError, match="one → two → one"):
        registry.register(One)


def test_another_thread_waits_with_a_limit_that_names_the_holder() -> None:
    registry = Registry(environ={}, wait_s=0.01)
    loading, release = threading.Event(), threading.Event()

    class Slow(Plugin):
        metadata = PluginMetadata("slow")

        def on_load(self, ctx: PluginContext) -> None:
            loading.set()
            release.wait()

    holder = threading.Thread(target=registry.register, args=(Slow,), name="slow-loader")
    holder.start()
    loading.wait()

    with pytest.raises(TransitionTimeoutError, match="'slow-loader' is at work on it"):
        registry.load("slow")
    release.set()
    holder.join()
    assert registry.load("slow").state is PluginState.ACTIVE
    registry.shutdown()


# --- capabilities ---------------------------------------------------------------------------------


def test_capabilities_are_found_by_rank_then_order_of_arrival(registry: Registry) -> None:
    vision = (PluginCapability.VISION,)
    for plugin_id, rank in (("first", 0), ("second", 0), ("high", 5)):
        registry.register(make(plugin_id, rank=rank, capabilities=vision))

    found = registry.find_by_capability(PluginCapability.VISION)

    assert [handle.id for handle in found] == ["high", "first", "second"]


def test_activating_by_capability_takes_the_next_where_one_is_unavailable(
    registry: Registry,
) -> None:
    registry.register(make("good", capabilities=(PluginCapability.VISION,)))
    with pytest.raises(PluginUnavailable):
        registry.register(failing(PluginUnavailable("no camera")))

    found = registry.find_by_capability("Vision", activate=True)
    everybody = registry.find_by_capability("Vision", all=True)

    assert [handle.id for handle in found] == ["good"]
    assert [(handle.id, handle.reason) for handle in everybody] == [
        ("good", ""),
        ("failing", "no camera"),
    ]


# --- start and end --------------------------------------------------------------------------------


def test_initializing_tells_once(registry: Registry) -> None:
    with EventRecorder(registry.bus, SystemInit) as recorded:
        registry.initialize_all()
        registry.initialize_all()

    assert recorded.names == ["SystemInit"]


def test_shutdown_goes_on_after_a_failing_plugin_and_may_be_repeated() -> None:
    registry = Registry(environ={})

    class Clinging(Plugin):
        metadata = PluginMetadata("clinging")

        def on_unload(self, ctx: PluginContext) -> None:
            raise ValueError("no")

    for plugin in (make("a"), Clinging, make("b")):
        registry.register(plugin)
    with EventRecorder(registry.bus) as recorded:
        done = registry.shutdown()
        again = registry.shutdown()

    assert done.ids == ("b", "clinging", "a")
    assert [type(error) for error in done.errors["clinging"]] == [ValueError]
    assert again.ids == ()
    assert recorded.names[0] == "SystemShutdown"
    assert recorded.names.count("SystemShutdown") == 1
    assert [item.plugin_id for item in recorded.of(PluginUnloaded)] == ["b", "clinging", "a"]


def test_leaving_the_registry_shuts_it_down() -> None:
    with Registry(environ={}) as registry, EventRecorder(registry.bus, SystemShutdown) as recorded:
        registry.register(make("a"))
        registry.shutdown()

    assert registry.is_shut_down
    assert recorded.names == ["SystemShutdown"]


def test_nothing_left_after_shutdown_answers_but_a_plugin_can_be_registered_again() -> None:
    registry = Registry(environ={})
    registry.register(make("a"))
    registry.shutdown()

    assert registry.get_service("of.a", default=None) is None
    registry.register(make("a"))
    assert registry.get("a").state is PluginState.ACTIVE
    registry.unregister("a")


def test_shutdown_goes_on_when_another_thread_does_not_let_go_of_a_plugin() -> None:
    registry = Registry(environ={}, wait_s=0.01)
    stopping, release = threading.Event(), threading.Event()

    class Stuck(Plugin):
        metadata = PluginMetadata("stuck")

        def on_unload(self, ctx: PluginContext) -> None:
            stopping.set()
            release.wait()

    registry.register(make("a"))
    registry.register(Stuck)
    registry.register(make("b"))
    other = threading.Thread(target=registry.unregister, args=("stuck",))
    other.start()
    stopping.wait()

    done = registry.shutdown()
    release.set()
    other.join()

    assert done.ids == ("b", "stuck", "a")
    assert [type(error) for error in done.errors["stuck"]] == [TransitionTimeoutError]
    assert registry.list() == ()
