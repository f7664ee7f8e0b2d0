"""Exchange a running plugin for its next version, or keep the one that works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from st.core.context import PluginContext
from st.core.errors import LoadError, PluginError, ReloadError
from st.core.events import PluginLoaded, PluginUnloaded
from st.core.handle import PluginHandle, PluginState
from st.core.isolation import attempt, loading
from st.core.lifecycle import NO_STATE, Lifecycle, declared_metadata
from st.core.source import Source, Undo
from st.core.unloading import Unloading

#: How long publishers may be kept waiting for one exchange.
LIMIT_S: Final = 1.0


class Reloading:
    """Exchanges the plugins of one registry."""

    def __init__(self, lifecycle: Lifecycle, unloading: Unloading) -> None:
        self._up = lifecycle
        self._down = unloading
        self._table = lifecycle.table

    def reload(self, plugin_id: str) -> PluginHandle:
        """Exchange a plugin for the version on disk; see `Registry.reload`."""
        handle = self._table.known(plugin_id)
        if handle.state is not PluginState.ACTIVE:
            handle.source, _ = self._renewed(handle)
            return self._up.activate(plugin_id, explicitly=True)
        states: dict[str, object] = {}
        stopped: list[str] = []
        self._up.turns.take(plugin_id)
        try:
            old, (new, undo) = handle.source, self._renewed(handle)
            forget = self._up.registry.bus.forget
            with ExitStack() as undoing:
                undoing.callback(lambda: forget(undo()))
                error = loading(self._exchange, handle, new, undoing, stopped, states)
                if error is not None:
                    self._raise(handle, error)
                undoing.pop_all()
            forget(old.release())
        finally:
            self._up.turns.give_back(plugin_id)
            for dependent in reversed(stopped):
                attempt(self._start_again, dependent, states.get(dependent, NO_STATE))
        return handle

    def _start_again(self, plugin_id: str, state: object) -> None:
        self._up.activate(plugin_id, explicitly=True, state=state)

    def _renewed(self, handle: PluginHandle) -> tuple[Source, Undo]:
        """The source of the next version, its code imported, and what undoes that."""
        found: list[tuple[Source, Undo]] = []
        error = loading(lambda: found.append(handle.source.renewed()))
        if error is not None:
            self._raise(handle, error)
        return found[0]

    def _raise(self, handle: PluginHandle, error: BaseException) -> None:
        """Say what failed, and what is running now."""
        if isinstance(error, ReloadError):
            raise error
        now = (
            f"version {handle.version} is still running"
            if handle.state is PluginState.ACTIVE
            else f"it is {handle.state}"
        )
        why = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        raise ReloadError(handle.id, f"{handle.id} could not be reloaded, {now}: {why}") from error

    def _exchange(
        self,
        handle: PluginHandle,
        new: Source,
        undoing: ExitStack,
        stopped: list[str],
        states: dict[str, object],
    ) -> None:
        plugin = new.make()
        declared = declared_metadata(plugin)
        if declared is not None and declared.id != handle.id:
            raise LoadError(handle.id, f"its new version calls itself {declared.id!r}")
        if handle.metadata.reload == "beside":
            staged = self._stage(handle, plugin)
            self._clear(handle, stopped, states)
            errors = self._swap(handle, plugin, staged)
        else:
            self._clear(handle, stopped, states)
            errors = self._restart(handle, plugin, undoing)
        handle.source = new
        if declared is not None and not handle.distribution:
            # What the class says is all there is to know of it; installed ones have a manifest.
            self._up.describe(handle, declared)
        publish = self._up.registry.bus.publish
        publish(PluginUnloaded(handle.id, tuple(errors)))
        publish(PluginLoaded(handle.id))

    def _clear(self, handle: PluginHandle, stopped: list[str], states: dict[str, object]) -> None:
        """Stop the dependents, and keep new ones waiting until the exchange is over."""
        while True:
            stopped += self._down.take_dependents_down(handle.id, states)
            with self._table.lock:
                if not self._down.dependents(handle.id):
                    self._table.set_state(handle, PluginState.UNLOADING)
                    return

    def _restart(self, handle: PluginHandle, plugin: Any, undoing: ExitStack) -> list[Exception]:
        """Stop the old version, start the new one; when that fails, the old one again."""
        try:
            with self._hand_over(handle) as state:
                began = time.monotonic()
                errors = self._down.stop(handle)
                self._up.begin(handle)
                error = loading(self._up.start, handle, plugin, state)
                if error is None and state is not NO_STATE:
                    error = attempt(_check_time, began)
                    if error is not None:
                        self._down.stop(handle)
                if error is not None:
                    undoing.close()  # the modules of the old version are back from here on
                    self._up.begin(handle)
                    again = loading(self._start_old, handle, state)
                    if again is not None:
                        error.add_note(f"and the version before failed to start again: {again!r}")
                    raise error
        finally:
            is_active = handle.plugin is not None
            self._table.set_state(
                handle, PluginState.ACTIVE if is_active else PluginState.FAILED, handle.reason
            )
        return errors

    def _start_old(self, handle: PluginHandle, state: object) -> None:
        self._up.start(handle, handle.source.make(), state)

    def _stage(self, handle: PluginHandle, plugin: Any) -> PluginContext:
        """Have the new version load where nobody sees it, while the old one works."""
        gated = callable(getattr(plugin, "export_state", None))
        staged = PluginContext(self._up.registry, handle.id, is_gated=gated, is_staged=True)
        try:
            self._up.registry.config.define(handle.id, getattr(plugin, "config_schema", None))
            plugin.on_load(staged)
        except BaseException:
            self._unstage(handle, staged)
            raise
        return staged

    def _unstage(self, handle: PluginHandle, staged: PluginContext) -> None:
        staged.withdraw()
        staged.unwind()
        schema = getattr(handle.plugin, "config_schema", None)
        self._up.registry.config.define(handle.id, schema)

    def _swap(self, handle: PluginHandle, plugin: Any, staged: PluginContext) -> list[Exception]:
        """Put the staged version in the old one's place between two events."""
        old_plugin, old_context = handle.plugin, self._up.contexts[handle.id]
        began = time.monotonic()
        try:
            with self._hand_over(handle) as state:
                if state is not NO_STATE:
                    plugin.import_state(state)
                    _check_time(began)
                staged.replace(old_context)
                handle.plugin = plugin
                self._up.contexts[handle.id] = staged
        except BaseException:
            self._unstage(handle, staged)
            raise
        finally:
            self._table.set_state(handle, PluginState.ACTIVE)
        old_context.withdraw()
        return self._down.finish(old_plugin, old_context)

    @contextmanager
    def _hand_over(self, handle: PluginHandle) -> Iterator[Any]:
        """Keep events away while inside, and give the state of the plugin, if it has one."""
        export = getattr(handle.plugin, "export_state", None)
        if export is None:
            yield NO_STATE
            return
        with self._up.registry.bus.exchange(handle.id, LIMIT_S) as is_quiet:
            if not is_quiet:
                raise TimeoutError(f"events it was handling took longer than {LIMIT_S:g} s")
            yield export()


def _check_time(began: float) -> None:
    """See that publishers did not wait for longer than is promised."""
    if time.monotonic() - began > LIMIT_S:
        raise TimeoutError(f"the exchange took longer than {LIMIT_S:g} s")
