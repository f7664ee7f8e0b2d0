"""Exchange a running plugin for its next version, or keep the one that works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from st.core.context import PluginContext
from st.core.errors import LoadError, PluginError, ReloadError
from st.core.events import PluginLoaded, PluginUnloaded
from st.core.handle import PluginHandle, PluginState
from st.core.isolation import attempt, loading
from st.core.lifecycle import NO_STATE, activate, declared_metadata, hands_over, start
from st.core.source import Source, Undo
from st.core.unloading import dependents, finish, stop, take_down

if TYPE_CHECKING:
    from st.core.registry import Registry

#: How long publishers may be kept waiting for one exchange.
LIMIT_S: Final = 1.0


def reload(registry: Registry, plugin_id: str) -> PluginHandle:
    """Exchange a plugin for the version on disk; see `Registry.reload`."""
    table, forget = registry.plugins, registry.bus.forget
    handle = table.known(plugin_id)
    if handle.state is not PluginState.ACTIVE:
        handle.source, _ = _renewed(handle)
        return activate(registry, plugin_id, explicitly=True)
    stopped: dict[str, object] = {}
    table.turns.take(plugin_id)
    try:
        old, (new, undo) = handle.source, _renewed(handle)
        with ExitStack() as undoing:
            undoing.callback(lambda: forget(undo()))
            error = loading(_exchange, registry, handle, new, undoing, stopped)
            if error is not None:
                raise _reload_error(handle, error)
            undoing.pop_all()
        forget(old.release())
    finally:
        table.turns.give_back(plugin_id)
        for needer, state in reversed(stopped.items()):
            attempt(_start_again, registry, needer, state)
    return handle


def _start_again(registry: Registry, plugin_id: str, state: object) -> None:
    activate(registry, plugin_id, explicitly=True, state=state)


def _renewed(handle: PluginHandle) -> tuple[Source, Undo]:
    """The source of the next version, its code imported, and what undoes that."""
    found: list[tuple[Source, Undo]] = []
    error = loading(lambda: found.append(handle.source.renewed()))
    if error is not None:
        raise _reload_error(handle, error)
    return found[0]


def _reload_error(handle: PluginHandle, error: BaseException) -> ReloadError:
    """The error that says what failed, and what is running now."""
    is_active = handle.state is PluginState.ACTIVE
    now = f"version {handle.version} is still running" if is_active else f"it is {handle.state}"
    why = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
    made = ReloadError(handle.id, f"{handle.id} could not be reloaded, {now}: {why}")
    made.__cause__ = error
    return made


def _exchange(
    registry: Registry,
    handle: PluginHandle,
    new: Source,
    undoing: ExitStack,
    stopped: dict[str, object],
) -> None:
    """Have the plugin of another source work; `stopped` takes up dependents and their states."""
    plugin = new.make()
    declared = declared_metadata(plugin)
    if declared is not None and declared.id != handle.id:
        raise LoadError(handle.id, f"its new version calls itself {declared.id!r}")
    if handle.metadata.reload == "beside":
        staged = _stage(registry, handle, plugin)
        _clear(registry, handle, stopped)
        errors = _swap(registry, handle, plugin, staged)
    else:
        _clear(registry, handle, stopped)
        errors = _restart(registry, handle, plugin, undoing)
    handle.source = new
    if declared is not None and not handle.distribution:
        # What the class says is all there is to know of it; installed ones have a manifest.
        registry.plugins.describe(handle, declared)
    registry.bus.publish(PluginUnloaded(handle.id, tuple(errors)))
    registry.bus.publish(PluginLoaded(handle.id))


def _clear(registry: Registry, handle: PluginHandle, stopped: dict[str, object]) -> None:
    """Stop the dependents, and keep new ones waiting until the exchange is over."""
    table = registry.plugins
    while True:
        planned = list(dependents(registry, handle.id))
        while planned:
            needer = table.peek(planned[0])
            state = _exported(needer)
            spared = [*planned[1:], handle.id]
            why = "while what it needs is reloaded"
            if not take_down(registry, planned[:1], why, {}, spared):
                break
            stopped.setdefault(planned.pop(0), state)
        with table.lock:
            if not dependents(registry, handle.id):
                table.set_state(handle, PluginState.UNLOADING)
                return


def _exported(handle: PluginHandle | None) -> object:
    """The state of a dependent, if it hands one over and does not fail to."""
    states: list[object] = []
    if handle is not None and hands_over(handle.plugin):
        attempt(lambda plugin: states.append(plugin.export_state()), handle.plugin)
    return states[0] if states else NO_STATE


# --- "restart" ----------------------------------------------------------------------------------


def _restart(
    registry: Registry, handle: PluginHandle, plugin: Any, undoing: ExitStack
) -> list[Exception]:
    """Stop the old version, start the new one; when that fails, the old one again."""
    table = registry.plugins
    try:
        with _hand_over(registry, handle) as state:
            began = time.monotonic()
            errors = stop(registry, handle)
            table.begin(handle)
            error = loading(start, registry, handle, plugin, state)
            if error is None and state is not NO_STATE:
                error = attempt(_check_time, began)
                if error is not None:
                    stop(registry, handle)
            if error is not None:
                undoing.close()  # the modules of the old version are back from here on
                table.begin(handle)
                again = loading(
                    lambda: start(registry, handle, handle.source.make(), state),
                )
                if again is not None:
                    error.add_note(f"and the version before failed to start again: {again!r}")
                raise error
    finally:
        is_active = handle.plugin is not None
        state_now = PluginState.ACTIVE if is_active else PluginState.FAILED
        table.set_state(handle, state_now, handle.reason)
    return errors


# --- "beside" -----------------------------------------------------------------------------------


def _stage(registry: Registry, handle: PluginHandle, plugin: Any) -> PluginContext:
    """Have the new version load where nobody sees it, while the old one works."""
    staged = PluginContext(registry, handle.id, is_gated=hands_over(plugin), is_staged=True)
    try:
        registry.config.define(handle.id, getattr(plugin, "config_schema", None))
        plugin.on_load(staged)
    except BaseException:
        _unstage(registry, handle, staged)
        raise
    return staged


def _unstage(registry: Registry, handle: PluginHandle, staged: PluginContext) -> None:
    staged.withdraw()
    staged.unwind()
    registry.config.define(handle.id, getattr(handle.plugin, "config_schema", None))


def _swap(
    registry: Registry, handle: PluginHandle, plugin: Any, staged: PluginContext
) -> list[Exception]:
    """Put the staged version in the old one's place between two events."""
    table = registry.plugins
    old_plugin, old_context = handle.plugin, table.contexts[handle.id]
    began = time.monotonic()
    try:
        with _hand_over(registry, handle) as state:
            if state is not NO_STATE:
                plugin.import_state(state)
                _check_time(began)
            staged.replace(old_context)
            handle.plugin = plugin
            table.contexts[handle.id] = staged
    except BaseException:
        _unstage(registry, handle, staged)
        raise
    finally:
        table.set_state(handle, PluginState.ACTIVE)
    old_context.withdraw()
    return finish(old_plugin, old_context)


@contextmanager
def _hand_over(registry: Registry, handle: PluginHandle) -> Iterator[Any]:
    """Keep events away while inside, and give the state of the plugin, if it has one."""
    if not hands_over(handle.plugin):
        yield NO_STATE
        return
    with registry.bus.exchange(handle.id, LIMIT_S) as is_quiet:
        if not is_quiet:
            raise TimeoutError(f"events it was handling took longer than {LIMIT_S:g} s")
        yield handle.plugin.export_state()


def _check_time(began: float) -> None:
    """See that publishers did not wait for longer than is promised."""
    if time.monotonic() - began > LIMIT_S:
        raise TimeoutError(f"the exchange took longer than {LIMIT_S:g} s")
