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

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from st.core.bus import (
        Answers as Answers,
    )
    from st.core.bus import (
        DispatchReport as DispatchReport,
    )
    from st.core.bus import (
        EventBus as EventBus,
    )
    from st.core.bus import (
        ListenerFailure as ListenerFailure,
    )
    from st.core.capability import PluginCapability as PluginCapability
    from st.core.config import Config as Config
    from st.core.context import PluginContext as PluginContext
    from st.core.discovery import (
        Distribution as Distribution,
    )
    from st.core.discovery import (
        EntryPoint as EntryPoint,
    )
    from st.core.discovery import (
        entry_points as entry_points,
    )
    from st.core.errors import (
        ActivationCycleError as ActivationCycleError,
    )
    from st.core.errors import (
        CapabilityError as CapabilityError,
    )
    from st.core.errors import (
        CatalogError as CatalogError,
    )
    from st.core.errors import (
        ClosedContextError as ClosedContextError,
    )
    from st.core.errors import (
        ConfigError as ConfigError,
    )
    from st.core.errors import (
        DependencyError as DependencyError,
    )
    from st.core.errors import (
        DuplicatePluginError as DuplicatePluginError,
    )
    from st.core.errors import (
        EventDepthError as EventDepthError,
    )
    from st.core.errors import (
        EventError as EventError,
    )
    from st.core.errors import (
        EventNameError as EventNameError,
    )
    from st.core.errors import (
        LoadError as LoadError,
    )
    from st.core.errors import (
        MetadataError as MetadataError,
    )
    from st.core.errors import (
        PluginError as PluginError,
    )
    from st.core.errors import (
        PluginNotFoundError as PluginNotFoundError,
    )
    from st.core.errors import (
        PluginUnavailable as PluginUnavailable,
    )
    from st.core.errors import (
        ReloadError as ReloadError,
    )
    from st.core.errors import (
        ServiceError as ServiceError,
    )
    from st.core.errors import (
        ServiceNotFoundError as ServiceNotFoundError,
    )
    from st.core.errors import (
        ServiceTypeError as ServiceTypeError,
    )
    from st.core.errors import (
        StError as StError,
    )
    from st.core.errors import (
        TransitionTimeoutError as TransitionTimeoutError,
    )
    from st.core.errors import (
        UnknownKeyError as UnknownKeyError,
    )
    from st.core.events import (
        BackendChanged as BackendChanged,
    )
    from st.core.events import (
        ConfigChanged as ConfigChanged,
    )
    from st.core.events import (
        CustomEvent as CustomEvent,
    )
    from st.core.events import (
        EpochEnd as EpochEnd,
    )
    from st.core.events import (
        EpochStart as EpochStart,
    )
    from st.core.events import (
        Event as Event,
    )
    from st.core.events import (
        ListenerFailed as ListenerFailed,
    )
    from st.core.events import (
        PluginEvent as PluginEvent,
    )
    from st.core.events import (
        PluginFailed as PluginFailed,
    )
    from st.core.events import (
        PluginLoaded as PluginLoaded,
    )
    from st.core.events import (
        PluginUnloaded as PluginUnloaded,
    )
    from st.core.events import (
        RunFinished as RunFinished,
    )
    from st.core.events import (
        RunStarted as RunStarted,
    )
    from st.core.events import (
        ServiceRegistered as ServiceRegistered,
    )
    from st.core.events import (
        ServiceUnregistered as ServiceUnregistered,
    )
    from st.core.events import (
        SystemInit as SystemInit,
    )
    from st.core.events import (
        SystemShutdown as SystemShutdown,
    )
    from st.core.events import (
        Telemetry as Telemetry,
    )
    from st.core.events import (
        TensorOp as TensorOp,
    )
    from st.core.events import (
        event as event,
    )
    from st.core.handle import (
        Contribution as Contribution,
    )
    from st.core.handle import (
        PluginHandle as PluginHandle,
    )
    from st.core.handle import (
        PluginState as PluginState,
    )
    from st.core.metadata import PluginMetadata as PluginMetadata
    from st.core.plugin import Plugin as Plugin
    from st.core.registry import PluginRegistry as PluginRegistry
    from st.core.registry import Registry as Registry
    from st.core.runtime import (
        global_registry as global_registry,
    )
    from st.core.runtime import (
        init_plugin_system as init_plugin_system,
    )
    from st.core.services import (
        ServiceKey as ServiceKey,
    )
    from st.core.services import (
        ServiceReference as ServiceReference,
    )
    from st.core.services import (
        Services as Services,
    )
    from st.core.services import (
        Tracker as Tracker,
    )
    from st.core.subscription import Subscription as Subscription
    from st.core.subscription import Topic as Topic
    from st.core.unloading import Unloaded as Unloaded

# Where each name lives. A module is imported when one of its names is first asked for, so that
# `import st.core` costs next to nothing.
_MODULES = {
    "bus": "Answers DispatchReport EventBus ListenerFailure",
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
    "services": "ServiceKey ServiceReference Services Tracker",
    "subscription": "Subscription Topic",
    "unloading": "Unloaded",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
