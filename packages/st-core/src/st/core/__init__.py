"""The plugin runtime: registry, capabilities, events, services, configuration, lifecycle.

>>> from st.core import EpochEnd, Plugin, PluginMetadata, Registry
>>> class Louder(Plugin):
...     metadata = PluginMetadata("louder", "1.0")
...     def on_load(self, ctx):
...         ctx.subscribe(EpochEnd, lambda event: print(f"LOSS {event.loss}!"))
>>> with Registry() as registry:
...     handle = registry.register(Louder)
...     registry.bus.publish(EpochEnd(epoch=1, loss=0.5))
LOSS 0.5!
"""

# ruff: noqa: F403, F405
from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs 2 ms; type checkers know the name all the same
if TYPE_CHECKING:  # a star re-exports what the module itself defines, to type checkers
    from st.core.bus import *
    from st.core.capability import *
    from st.core.config import *
    from st.core.context import *
    from st.core.discovery import *
    from st.core.errors import *
    from st.core.events import *
    from st.core.handle import *
    from st.core.metadata import *
    from st.core.plugin import *
    from st.core.registry import *
    from st.core.runtime import *
    from st.core.service import *
    from st.core.services import *
    from st.core.subscription import *
    from st.core.unloading import *

# fmt: off
__all__ = [
    "ActivationCycleError", "BackendChanged", "CapabilityError", "CatalogError",
    "ClosedContextError", "Config", "ConfigChanged", "ConfigError", "Contribution", "CustomEvent",
    "DependencyError", "DispatchReport", "Distribution", "DuplicatePluginError", "EntryPoint",
    "EpochEnd", "EpochStart", "Event", "EventBus", "EventDepthError", "EventError",
    "EventNameError", "ListenerFailed", "ListenerFailure", "LoadError", "MetadataError", "Plugin",
    "PluginCapability", "PluginContext", "PluginError", "PluginEvent", "PluginFailed",
    "PluginHandle", "PluginLoaded", "PluginMetadata", "PluginNotFoundError", "PluginRegistry",
    "PluginState", "PluginUnavailable", "PluginUnloaded", "Registry", "ReloadError", "RunFinished",
    "RunStarted", "ServiceError", "ServiceKey", "ServiceNotFoundError", "ServiceReference",
    "ServiceRegistered", "ServiceTypeError", "ServiceUnregistered", "Services", "StError",
    "Subscription", "SystemInit", "SystemShutdown", "Telemetry", "TensorOp", "Topic", "Tracker",
    "TransitionTimeoutError", "UnknownKeyError", "Unloaded", "entry_points", "event",
    "global_registry", "init_plugin_system",
]
# fmt: on

# Where each name lives. A module is imported when one of its names is first asked for, so that
# `import st.core` costs next to nothing.
_MODULES = {
    "bus": "DispatchReport EventBus ListenerFailure",
    "capability": "PluginCapability",
    "config": "Config",
    "context": "PluginContext",
    "discovery": "Distribution EntryPoint entry_points",
    "errors": (
        "ActivationCycleError CapabilityError CatalogError ClosedContextError ConfigError "
        "DependencyError DuplicatePluginError EventDepthError EventError EventNameError "
        "LoadError MetadataError PluginError PluginNotFoundError PluginUnavailable "
        "ReloadError ServiceError ServiceNotFoundError ServiceTypeError StError "
        "TransitionTimeoutError UnknownKeyError"
    ),
    "events": (
        "BackendChanged ConfigChanged CustomEvent EpochEnd EpochStart Event ListenerFailed "
        "PluginEvent PluginFailed PluginLoaded PluginUnloaded RunFinished RunStarted "
        "ServiceRegistered ServiceUnregistered SystemInit SystemShutdown Telemetry TensorOp "
        "event"
    ),
    "handle": "Contribution PluginHandle PluginState",
    "metadata": "PluginMetadata",
    "plugin": "Plugin",
    "registry": "PluginRegistry Registry",
    "runtime": "global_registry init_plugin_system",
    "service": "ServiceKey ServiceReference Tracker",
    "services": "Services",
    "subscription": "Subscription Topic",
    "unloading": "Unloaded",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # What `importlib.import_module` does, without the 0.3 ms it takes to import that.
    module = __import__(f"{__name__}.{_HOMES[name]}", fromlist=[name])
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
