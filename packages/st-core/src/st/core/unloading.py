"""Take plugins down: dependents first, every step, and the world as it was before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from st.core.context import PluginContext
from st.core.errors import DependencyError, TransitionTimeoutError
from st.core.events import PluginUnloaded
from st.core.handle import STUCK, PluginHandle, PluginState
from st.core.isolation import attempt
from st.core.lifecycle import Lifecycle
from st.core.record import Record, record

# How often a change made by other threads in between may start a transition over.
_ATTEMPTS: Final = 100
_RELOADING: Final = "while what it needs is reloaded"


@record
class Unloaded(Record):
    """What was taken down: the ids, in order, and what each one's clean-up raised."""

    ids: tuple[str, ...]
    errors: dict[str, tuple[Exception, ...]]

    def raise_errors(self) -> None:
        """Raise everything that went wrong as one ExceptionGroup."""
        if self.errors:
            flat = [error for errors in self.errors.values() for error in errors]
            raise ExceptionGroup(f"unloading {', '.join(self.errors)}", flat)


class Unloading:
    """Takes the plugins of one registry down."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._up = lifecycle
        self._table = lifecycle.table

    def unload(self, plugin_id: str, *, cascade: bool) -> Unloaded:
        """Take a plugin down, with `cascade` those that depend on it first.

        Plain users of its services are started again afterwards: they find another provider, or
        do without.

        Raises:
            DependencyError: Without `cascade`, when others depend on it.
        """
        done: dict[str, list[Exception]] = {}
        restart: dict[str, None] = {}
        for _ in range(_ATTEMPTS):
            planned = self.dependents(plugin_id) if cascade else {}
            if self._take_planned_down({**planned, plugin_id: True}, plugin_id, done, restart):
                break
            if not cascade and (needed_by := self.dependents(plugin_id)):
                raise DependencyError(
                    plugin_id,
                    f"{plugin_id} is needed by {', '.join(sorted(needed_by))}; "
                    'unregister(..., dependents="cascade") unloads them as well',
                )
        else:
            raise TransitionTimeoutError(
                plugin_id, f"{plugin_id}: dependents are loaded as fast as they are unloaded"
            )
        for dependent in reversed(restart):
            attempt(self._start_again, dependent)  # its failure is recorded in its state
        failed = {key: tuple(errors) for key, errors in done.items() if errors}
        return Unloaded(tuple([key for key in done if key not in restart]), failed)

    def _take_planned_down(
        self,
        planned: dict[str, bool],
        plugin_id: str,
        done: dict[str, list[Exception]],
        restart: dict[str, None],
    ) -> bool:
        """Take plugins down in order; False when somebody else came to need one of them."""
        remaining = planned.copy()
        for dependent, is_lost in planned.items():
            del remaining[dependent]
            why = "on request" if dependent == plugin_id else f"{plugin_id} was unloaded"
            errors = self._take_down(dependent, why, remaining)
            if errors is None:
                return False
            done[dependent] = done.pop(dependent, []) + errors
            if not is_lost:
                restart[dependent] = None
        return True

    def unload_all(self) -> Unloaded:
        """Take everything down, last one up first, whatever fails on the way."""
        done: dict[str, tuple[Exception, ...]] = {}

        def take_down(plugin_id: str) -> None:
            done[plugin_id] = tuple(self._take_down(plugin_id, "at shutdown") or ())

        # Others may still be loading: look again until nothing is left.
        while pending := [up for up in reversed(tuple(self._up.contexts)) if up not in done]:
            for plugin_id in pending:
                error = attempt(take_down, plugin_id)  # another thread may not let go of it
                if error is not None:
                    done[plugin_id] = (error,)
        return Unloaded(tuple(done), {key: errors for key, errors in done.items() if errors})

    def dependents(self, plugin_id: str) -> dict[str, bool]:
        """Plugins that need this one, directly or through others, last one up first.

        True for those that cannot be without it, False for those that merely use a service.
        """
        edges = self._up.edges
        found: dict[str, bool] = {}
        with self._table.lock:
            if not edges.may_be_needed(plugin_id):
                return found
            pending = [(plugin_id, True)]
            while pending:
                provider, is_lost = pending.pop()
                needers = dict.fromkeys(edges.users(provider), False)
                needers.update(dict.fromkeys(edges.requirers(provider), is_lost))
                if is_lost:
                    needers.update(dict.fromkeys(self._left_without_service(provider), True))
                for needer, is_needer_lost in needers.items():
                    if needer != plugin_id and (is_needer_lost or needer not in found):
                        if not found.get(needer, False):
                            pending.append((needer, is_needer_lost))
                        found[needer] = found.get(needer, False) or is_needer_lost
            if not found:
                return found
            order = {plugin_id: i for i, plugin_id in enumerate(self._up.contexts)}
        # Those still loading come first: nobody can need them yet.
        return dict(sorted(found.items(), key=lambda item: -order.get(item[0], len(order))))

    def _left_without_service(self, provider: str) -> Iterable[str]:
        context = self._up.contexts.get(provider)
        services = self._up.registry.services
        for name in context.service_names() if context is not None else ():
            requirers = self._up.edges.service_requirers(name)
            if requirers and all(
                reference.plugin_id == provider for reference in services.references(name)
            ):
                yield from requirers

    def _take_down(
        self, plugin_id: str, why: str, spared: Mapping[str, object] | None = None
    ) -> list[Exception] | None:
        """Take one plugin down; what that raised.

        None, and nothing done, when others than those in `spared` need it; None for `spared`
        spares everybody.
        """
        turns = self._up.turns
        turns.take(plugin_id)
        try:
            with self._table.lock:
                if spared is not None and not self.dependents(plugin_id).keys() <= spared.keys():
                    return None
                handle = self._table.peek(plugin_id) or self._table.known(plugin_id)
                was_active = handle.state is PluginState.ACTIVE
                if was_active:
                    self._table.set_state(handle, PluginState.UNLOADING)
            errors = self.stop(handle) if was_active else []
            if handle.state not in STUCK:
                self._table.set_state(handle, PluginState.UNLOADED, why)
        finally:
            turns.give_back(plugin_id)
        if was_active:
            self._up.registry.bus.publish(PluginUnloaded(plugin_id, tuple(errors)))
        return errors

    def stop(self, handle: PluginHandle) -> list[Exception]:
        """Stop an active plugin and undo what it did; every step runs. What the steps raised."""
        context = self._up.contexts[handle.id]
        context.withdraw()
        errors = self.finish(handle.plugin, context)
        self._up.registry.config.define(handle.id, None)
        with self._table.lock:
            handle.plugin = None
            del self._up.contexts[handle.id]
            self._up.edges.remove(handle.metadata)
        return errors

    def finish(self, plugin: object, context: PluginContext) -> list[Exception]:
        """Tell a plugin whose services and subscriptions are gone, and undo the rest."""
        on_unload = getattr(plugin, "on_unload", None)
        error = None if on_unload is None else attempt(on_unload, context)
        errors = context.unwind()
        return errors if error is None else [error, *errors]

    def take_dependents_down(self, plugin_id: str, states: dict[str, object]) -> list[str]:
        """Stop everybody who needs a plugin, keeping the state of those that hand it over.

        Returns:
            Their ids, in the order they were stopped.
        """
        planned = self.dependents(plugin_id)
        stopped: list[str] = []
        for dependent in planned:
            handle = self._table.peek(dependent)
            export = getattr(handle.plugin, "export_state", None) if handle is not None else None
            if export is not None and dependent not in states:
                attempt(lambda export, key: states.__setitem__(key, export()), export, dependent)
            spared = planned.keys() - {*stopped, dependent} | {plugin_id}
            if self._take_down(dependent, _RELOADING, dict.fromkeys(spared)) is None:
                break  # the caller looks again until nobody is left
            stopped.append(dependent)
        return stopped

    def _start_again(self, plugin_id: str) -> None:
        self._up.activate(plugin_id, explicitly=True)
