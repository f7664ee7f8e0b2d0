"""The peers' ways of doing what st.core does, one function each; all are optional."""

# ruff: noqa: D103 - each function's name says peer and task
from __future__ import annotations

from collections.abc import Callable
from typing import Any

Call = Callable[[], object]


def listener() -> Callable[[object], None]:
    """A listener that does nothing, a new one every time."""

    def listen(event: object) -> None:
        pass

    return listen


def available(makers: dict[str, Callable[..., Any]], *arguments: object) -> dict[str, Any]:
    """What the installed ones among the peers make."""
    made: dict[str, Any] = {}
    for name, make in makers.items():
        try:
            made[name] = make(*arguments)
        except ImportError as error:
            print(f"left out: {name} ({error})")
    return made


# --- publish ------------------------------------------------------------------------------------


def pyee_publish(n: int, event: object) -> Call:
    from pyee.base import EventEmitter

    emitter = EventEmitter()
    for _ in range(n):
        emitter.add_listener("x", listener())
    return lambda: emitter.emit("x", event)


def psygnal_publish(n: int, event: object) -> Call:
    from psygnal import Signal

    class Emitter:
        fired = Signal(object)

    emitter = Emitter()
    kept = [listener() for _ in range(n)]
    for fn in kept:
        emitter.fired.connect(fn)

    def publish(kept: object = kept) -> None:  # weakly referenced otherwise
        emitter.fired.emit(event)

    return publish


def blinker_publish(n: int, event: object) -> Call:
    import blinker

    signal = blinker.Signal()
    for _ in range(n):
        signal.connect(lambda sender, event: None, weak=False)
    return lambda: signal.send(None, event=event)


def pluggy_publish(n: int, event: object) -> Call:
    manager, plugin = pluggy_manager()
    for _ in range(n):
        manager.register(plugin())
    hook = manager.hook
    return lambda: hook.on_event(event=event)


def pypubsub_publish(n: int, event: object) -> Call:
    from pubsub import pub

    topic = f"bench{n}"
    kept = [listener() for _ in range(n)]
    pub.subscribe(kept[0] if kept else listener(), topic)
    for fn in kept[1:]:
        pub.subscribe(fn, topic)

    def publish(kept: object = kept) -> None:
        pub.sendMessage(topic, event=event)

    return publish


def zope_publish(n: int, event: object) -> Call:
    import zope.component.event  # appends a subscriber of its own: import it before
    import zope.event

    zope.event.subscribers[:] = [listener() for _ in range(n)]
    return lambda: zope.event.notify(event)


def ipopo_publish(n: int, event: object) -> Call:
    import pelix.services as services
    from pelix.ipopo.constants import use_ipopo

    context = pelix_context("pelix.ipopo.core", "pelix.services.eventadmin")
    with use_ipopo(context) as ipopo:
        ipopo.instantiate("pelix-services-eventadmin-factory", "events", {})

    class Handler:
        def handle_event(self, topic: str, properties: object) -> None:
            pass

    for _ in range(n):
        topics = {services.PROP_EVENT_TOPICS: ["st/TensorOp"]}
        context.register_service(services.SERVICE_EVENT_HANDLER, Handler(), topics)
    admin = context.get_service(context.get_service_reference(services.SERVICE_EVENT_ADMIN))
    properties = {"event": event}
    return lambda: admin.send("st/TensorOp", properties)


PUBLISH = {
    "pyee": pyee_publish,
    "psygnal": psygnal_publish,
    "blinker": blinker_publish,
    "pluggy": pluggy_publish,
    "PyPubSub": pypubsub_publish,
    "iPOPO EventAdmin": ipopo_publish,
    "zope.event": zope_publish,
}


# --- register and unregister one plugin beside n others -------------------------------------------


def pluggy_register(n: int) -> Call:
    manager, plugin = pluggy_manager()
    for _ in range(n):
        manager.register(plugin())
    one = plugin()

    def cycle() -> None:
        manager.register(one)
        manager.unregister(one)

    return cycle


def ipopo_register(n: int) -> Call:
    context = pelix_context()
    for i in range(n):
        context.register_service("st.service", object(), {"name": str(i)})
    one = object()
    return lambda: context.register_service("st.service", one, {"name": "one"}).unregister()


def zope_register(n: int) -> Call:
    from zope.component.globalregistry import BaseGlobalComponents

    interface, utility = zope_utility()
    components = BaseGlobalComponents("bench")
    for i in range(n):
        components.registerUtility(utility(), interface, name=f"u{i}")
    one = utility()

    def cycle() -> None:
        components.registerUtility(one, interface, name="one")
        components.unregisterUtility(one, interface, name="one")

    return cycle


def npe2_register(n: int) -> Call:
    from npe2 import PluginManager, PluginManifest

    def manifest(name: str) -> Any:
        command = {"id": f"{name}.c", "title": "run it", "python_name": "json:loads"}
        return PluginManifest(name=name, contributions={"commands": [command]})

    manager = PluginManager()
    for i in range(n):
        manager.register(manifest(f"plugin{i}"))
    one = manifest("one")

    def cycle() -> None:
        manager.register(one)
        manager.unregister("one")

    return cycle


REGISTER = {
    "iPOPO register_service": ipopo_register,
    "zope registerUtility": zope_register,
    "npe2": npe2_register,
    "pluggy": pluggy_register,
}


# --- the best of n services ---------------------------------------------------------------------


def ipopo_lookup(n: int) -> Call:
    context = pelix_context()
    for i in range(n):
        context.register_service("st.service", object(), {"service.ranking": i})

    def look_up() -> object:
        reference = context.get_service_reference("st.service")
        service = context.get_service(reference)
        context.unget_service(reference)
        return service

    return look_up


def zope_lookup(n: int) -> Call:
    from zope.component.globalregistry import BaseGlobalComponents

    interface, utility = zope_utility()
    components = BaseGlobalComponents("bench")
    for i in range(n):
        components.registerUtility(utility(), interface, name=f"u{i}")
    return lambda: components.getUtility(interface, name="u0")


LOOK_UP = {"zope getUtility": zope_lookup, "iPOPO get_service": ipopo_lookup}


# --- shared -------------------------------------------------------------------------------------


def pluggy_manager() -> tuple[Any, type[Any]]:
    """A plugin manager with one hook, and a class that implements it."""
    import pluggy

    spec, implementation = pluggy.HookspecMarker("bench"), pluggy.HookimplMarker("bench")

    class Specs:
        @spec
        def on_event(self, event: object) -> None:
            """Something happened."""

    class Plugin:
        @implementation
        def on_event(self, event: object) -> None:
            pass

    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Specs)
    return manager, Plugin


def pelix_context(*bundles: str) -> Any:
    """The context of a fresh framework; a process has only one."""
    from pelix.framework import FrameworkFactory, create_framework

    FrameworkFactory.delete_framework()
    framework = create_framework(tuple(bundles))
    framework.start()
    return framework.get_bundle_context()


def zope_utility() -> tuple[Any, type[Any]]:
    """An interface and a class that provides it."""
    from zope.interface import Interface, implementer

    class IUtility(Interface):
        pass

    @implementer(IUtility)
    class Utility:
        pass

    return IUtility, Utility
