"""Bring plugins up: what must hold before, what is undone when it fails.

Each transition has one owner per id, through the table's `turns`; no lock is held while plugin
code runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from st.core.catalog import install_hint
from st.core.context import PluginContext
from st.core.errors import (
    ActivationCycleError,
    DependencyError,
    LoadError,
    MetadataError,
    PluginError,
    PluginUnavailable,
    TransitionTimeoutError,
)
from st.core.events import PluginFailed, PluginLoaded
from st.core.handle import RETRIED, STUCK, USABLE, PluginHandle, PluginState
from st.core.isolation import attempt, loading
from st.core.manifest import differences
from st.core.metadata import PluginMetadata, split_contract
from st.core.resolve import unmet
from st.core.service import ServiceKey

if TYPE_CHECKING:
    from st.core.registry import Registry

#: Stands for the state of a plugin that hands none over.
NO_STATE: Final[Any] = object()
#: How often a change made by other threads in between may start a transition over.
ATTEMPTS: Final = 100


def activate(
    registry: Registry,
    plugin_id: str,
    *,
    explicitly: bool = False,
    is_new: bool = False,
    state: object = NO_STATE,
) -> PluginHandle:
    """Bring a plugin up, what it requires first.

    Args:
        registry: Where it is.
        plugin_id: Which.
        explicitly: By `load` or `register`: also when it was unloaded or failed before.
        is_new: Forget it when it fails, before anybody else can have a turn.
        state: What the plugin exported when it was stopped.

    Raises:
        PluginNotFoundError, PluginUnavailable, DependencyError, LoadError, ActivationCycleError,
        TransitionTimeoutError: See `Registry.load`.
    """
    table = registry.plugins
    present = table.peek(plugin_id)
    if present is not None and present.state is PluginState.ACTIVE:
        return present
    raised: PluginError | None = None
    began = perf_counter()
    table.turns.take(plugin_id)
    try:
        handle = table.peek(plugin_id) or table.known(plugin_id)
        if handle.state is PluginState.ACTIVE:
            return handle
        try:
            _check_allowed(registry, handle, explicitly)
            _require(registry, handle, explicitly)
            raised = _attempt(registry, handle, explicitly, state)
        finally:
            if is_new and handle.state not in (PluginState.ACTIVE, PluginState.UNAVAILABLE):
                table.remove(handle)
    finally:
        table.turns.give_back(plugin_id)
    if raised is not None:
        registry.bus.publish(PluginFailed(plugin_id, str(handle.state), str(raised)))
        raise raised
    registry.bus.publish(PluginLoaded(plugin_id, perf_counter() - began))
    return handle


def activate_all(registry: Registry, handles: Iterable[PluginHandle]) -> tuple[PluginHandle, ...]:
    """Bring up those that can be; the others' states say why they are left out."""
    found = tuple(handles)
    for handle in found:
        _try(registry, handle)
    return tuple([handle for handle in found if handle.state is PluginState.ACTIVE])


def load_service(registry: Registry, key: ServiceKey[Any] | str, default: object) -> Any:
    """A service that nobody offers yet: who declares to is brought up."""
    services = registry.services
    name = key if isinstance(key, str) else key.name
    failures = _activate_providers(registry, name)
    reference = services.find(key)
    if reference is not None:
        return services.resolve(reference, key)
    if default is not ...:
        return default
    why = "".join(f"; {failure}" for failure in failures)
    raise services.not_found(key, why + install_hint("services", name))


def start(registry: Registry, handle: PluginHandle, plugin: Any, state: object) -> None:
    """Have a plugin begin to work; when it fails, all it did is undone."""
    if not callable(getattr(plugin, "on_load", None)):
        raise LoadError(handle.id, f"{handle.id}: {plugin!r} is no plugin, it has no on_load")
    table = registry.plugins
    context = PluginContext(registry, handle.id, is_gated=hands_over(plugin))
    try:
        registry.config.define(handle.id, getattr(plugin, "config_schema", None))
        plugin.on_load(context)
        if state is not NO_STATE:
            plugin.import_state(state)
    except BaseException as error:
        context.withdraw()
        for failed in context.unwind():
            error.add_note(f"while undoing what it had done: {failed!r}")
        registry.config.define(handle.id, None)
        with table.lock:
            table.edges.remove(handle.metadata)
            table.edges.forget_uses(handle.id)
        raise
    with table.lock:
        handle.plugin = plugin
        table.contexts[handle.id] = context
        table.set_state(handle, PluginState.ACTIVE)


def hands_over(plugin: object) -> bool:
    """Whether a plugin gives its state to its next version."""
    return callable(getattr(plugin, "export_state", None))


def declared_metadata(plugin: object) -> PluginMetadata | None:
    """What a plugin says of itself: an attribute, or as in other languages a method."""
    declared = getattr(plugin, "metadata", None)
    if callable(declared):
        declared = declared()
    if declared is not None and not isinstance(declared, PluginMetadata):
        raise MetadataError(f"{plugin!r}: metadata is {declared!r}, expected PluginMetadata")
    return declared


# --- what must hold before ----------------------------------------------------------------------


def _check_allowed(registry: Registry, handle: PluginHandle, explicitly: bool) -> None:
    state, is_down = handle.state, registry.plugins.is_down
    if state in STUCK:
        raise LoadError(handle.id, f"{handle.id} is {state}: {handle.reason}")
    if explicitly or (state in USABLE and not is_down):
        return
    if state is PluginState.UNAVAILABLE:
        raise PluginUnavailable(handle.reason, plugin_id=handle.id)
    why = handle.reason or ("the registry is shut down" if is_down else "on request")
    raise DependencyError(
        handle.id, f"{handle.id} is {state} ({why}); load({handle.id!r}) tries it again"
    )


def _require(registry: Registry, handle: PluginHandle, explicitly: bool) -> None:
    """Bring up what a plugin requires, and set it LOADING while all of that is active."""
    table = registry.plugins
    for _ in range(ATTEMPTS):
        if handle.metadata.has_needs:
            _bring_up_needs(registry, handle, explicitly)
        with table.lock:
            reason = table.clash(handle)
            if reason:
                raise DependencyError(handle.id, f"{handle.id} {reason}")
            if not handle.metadata.has_needs or all(map(table.is_active, handle.metadata.requires)):
                table.begin(handle)
                return
    raise TransitionTimeoutError(
        handle.id, f"{handle.id}: what it requires is unloaded as fast as it is loaded"
    )


def _bring_up_needs(registry: Registry, handle: PluginHandle, explicitly: bool) -> None:
    metadata = handle.metadata
    for plugin_id in sorted(metadata.requires):
        _require_plugin(registry, handle, plugin_id, explicitly)
    for text in metadata.requires_services:
        _require_service(registry, handle, text)
    for plugin_id in sorted(metadata.optional):
        other = registry.plugins.get(plugin_id)
        if other is not None and other.state in USABLE:
            attempt(activate, registry, plugin_id)


def _require_plugin(
    registry: Registry, handle: PluginHandle, plugin_id: str, explicitly: bool
) -> None:
    other = registry.plugins.peek(plugin_id)
    may_try = explicitly and other is not None and other.state in RETRIED
    reason = "" if may_try else unmet(plugin_id, handle.metadata.requires[plugin_id], other)
    if reason:
        hint = install_hint("plugins", plugin_id)
        raise DependencyError(handle.id, f"{handle.id} {reason}{hint}")
    try:
        activate(registry, plugin_id, explicitly=explicitly)
    except (ActivationCycleError, TransitionTimeoutError):
        raise
    except PluginError as error:
        raise DependencyError(handle.id, f"{handle.id} requires {plugin_id}: {error}") from error


def _require_service(registry: Registry, handle: PluginHandle, text: str) -> None:
    name, versions = split_contract(text)
    if registry.services.offers(name, versions):
        return
    failures = _activate_providers(registry, name)
    if not registry.services.offers(name, versions):
        why = "; ".join(failures) or "no plugin provides it"
        raise DependencyError(
            handle.id,
            f"{handle.id} requires service {text}: {why}{install_hint('services', name)}",
        )


def _activate_providers(registry: Registry, name: str) -> list[str]:
    """Bring up providers until one offers the service; why those before it could not."""
    failures: list[str] = []
    for handle in registry.plugins.holders(name):
        if registry.plugins.is_down:
            return ["the registry is shut down"]
        failed = _try(registry, handle)
        if failed:
            failures.append(failed)
        elif registry.services.find(name) is not None:
            break
    return failures


def _try(registry: Registry, handle: PluginHandle) -> str:
    """Bring a plugin up; why that failed, "" when it did not."""
    try:
        activate(registry, handle.id)
    except (ActivationCycleError, TransitionTimeoutError):
        raise
    except PluginError as error:
        return f"{handle.id}: {error}"
    return ""


# --- loading ------------------------------------------------------------------------------------


def _attempt(
    registry: Registry, handle: PluginHandle, explicitly: bool, state: object
) -> PluginError | None:
    """Load a plugin; the failure of its own code, if there is one, is noted and given."""
    # Stands for whatever ends the loading and is no failure of the plugin: Ctrl-C.
    error: Exception | SystemExit | None = SystemExit("interrupted")
    try:
        error = loading(_bring_up, registry, handle, explicitly, state)
    finally:
        raised = None if error is None else _note_failure(registry, handle, error)
    return raised


def _bring_up(registry: Registry, handle: PluginHandle, explicitly: bool, state: object) -> None:
    plugin = handle.source.make()
    declared = declared_metadata(plugin)
    if declared is not None and declared is not handle.metadata:
        _compare(registry, handle, declared, explicitly)
    start(registry, handle, plugin, state)


def _compare(
    registry: Registry, handle: PluginHandle, declared: PluginMetadata, explicitly: bool
) -> None:
    """See that a class says what its manifest says; where there is none, take over the class's."""
    if not handle.is_opaque:
        found = differences(handle.metadata, declared)
        if found:
            raise LoadError(handle.id, f"{handle.id}: {'; '.join(found)}")
    elif declared.id != handle.id:
        raise LoadError(handle.id, f"{handle.id}: the class says its id is {declared.id!r}")
    else:
        handle.is_opaque = False
        registry.plugins.describe(handle, declared.__replace__(version=handle.version))
        _require(registry, handle, explicitly)


def _note_failure(
    registry: Registry, handle: PluginHandle, error: Exception | SystemExit
) -> PluginError:
    """Set the state a failure leaves, and give the error to raise."""
    table = registry.plugins
    with table.lock:
        table.edges.remove(handle.metadata)
    if isinstance(error, PluginUnavailable):
        error.plugin_id = handle.id
        table.set_state(handle, PluginState.UNAVAILABLE, str(error))
        return error
    if isinstance(error, ActivationCycleError | TransitionTimeoutError):
        table.set_state(handle, PluginState.DISCOVERED)
        return error
    raised = error
    if not isinstance(raised, PluginError) or raised.plugin_id != handle.id:
        raised = LoadError(
            handle.id, f"{handle.id} failed to load: {type(error).__name__}: {error}"
        )
        raised.__cause__ = error
    table.set_state(handle, PluginState.FAILED, str(raised))
    return raised
