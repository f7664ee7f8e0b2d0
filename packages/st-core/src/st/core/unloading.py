"""Take plugins down: dependents first, every step, and the world as it was before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from st.core.context import PluginContext
from st.core.errors import DependencyError, TransitionTimeoutError
from st.core.events import PluginUnloaded
from st.core.handle import STUCK, PluginHandle, PluginState
from st.core.isolation import attempt
from st.core.lifecycle import ATTEMPTS, activate
from st.core.record import Record, record

if TYPE_CHECKING:
    from st.core.registry import Registry


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


def unload(
    registry: Registry, plugin_id: str, gone: dict[str, list[Exception]], *, cascade: bool
) -> tuple[str, ...]:
    """Take a plugin down, with `cascade` those that depend on it first.

    Plain users of its services are started again afterwards: they find another provider, or do
    without.

    Args:
        registry: Where they are.
        plugin_id: Which.
        cascade: Whether to take dependents down, too.
        gone: Takes up each id, in order, and what its clean-up raised.

    Returns:
        The ids that stay down, in order.

    Raises:
        DependencyError: Without `cascade`, when others depend on it.
    """
    lost = {plugin_id}
    for _ in range(ATTEMPTS):
        if _take_one_down(registry, plugin_id, "on request", gone, ()):
            break
        needers = dependents(registry, plugin_id)
        if needers and not cascade:
            raise DependencyError(
                plugin_id,
                f"{plugin_id} is needed by {', '.join(sorted(needers))}; "
                'unregister(..., dependents="cascade") unloads them as well',
            )
        lost.update(needer for needer, is_lost in needers.items() if is_lost)
        take_down(registry, needers, f"{plugin_id} was unloaded", gone, spared=[plugin_id])
    else:
        raise TransitionTimeoutError(
            plugin_id, f"{plugin_id}: dependents are loaded as fast as they are unloaded"
        )
    for needer in reversed(gone):
        if needer not in lost:  # a failure is recorded in its state
            attempt(lambda again: activate(registry, again, explicitly=True), needer)
    return tuple([key for key in gone if key in lost])


def unload_all(registry: Registry) -> Unloaded:
    """Take everything down, last one up first, whatever fails on the way."""
    gone: dict[str, list[Exception]] = {}
    # Others may still be loading: look again until nothing is left.
    while pending := [up for up in reversed(tuple(registry.plugins.contexts)) if up not in gone]:
        for plugin_id in pending:
            error = attempt(_take_one_down, registry, plugin_id, "at shutdown", gone, None)
            if error is not None:  # another thread does not let go of it
                gone[plugin_id] = [error]
    return as_unloaded(gone)


def as_unloaded(gone: dict[str, list[Exception]]) -> Unloaded:
    """What callers are given of it."""
    failed = {key: tuple(errors) for key, errors in gone.items() if errors}
    return Unloaded(tuple(gone), failed)


def take_down(
    registry: Registry,
    planned: Iterable[str],
    why: str,
    gone: dict[str, list[Exception]],
    spared: Iterable[str] = (),
) -> bool:
    """Take plugins down in order; False when others than these came to need one of them.

    Args:
        registry: Where they are.
        planned: Their ids; those before may need those behind.
        why: The reason to show.
        gone: Takes up each id, in order, and what its clean-up raised.
        spared: Further plugins that may need them.
    """
    remaining = dict.fromkeys([*planned, *spared])
    for plugin_id in tuple(planned):
        del remaining[plugin_id]
        if not _take_one_down(registry, plugin_id, why, gone, remaining):
            return False
    return True


def _take_one_down(
    registry: Registry,
    plugin_id: str,
    why: str,
    gone: dict[str, list[Exception]],
    spared: Collection[str] | None,
) -> bool:
    """Take one plugin down; False when others than `spared` need it (None spares everybody)."""
    table = registry.plugins
    table.turns.take(plugin_id)
    try:
        with table.lock:
            if spared is not None and dependents(registry, plugin_id).keys() - spared:
                return False
            handle = table.peek(plugin_id) or table.known(plugin_id)
            was_active = handle.state is PluginState.ACTIVE
            if was_active:
                table.set_state(handle, PluginState.UNLOADING)
        errors = stop(registry, handle) if was_active else []
        if handle.state not in STUCK:
            table.set_state(handle, PluginState.UNLOADED, why)
    finally:
        table.turns.give_back(plugin_id)
    gone[plugin_id] = gone.pop(plugin_id, []) + errors
    if was_active:
        registry.bus.publish(PluginUnloaded(plugin_id, tuple(errors)))
    return True


def stop(registry: Registry, handle: PluginHandle) -> list[Exception]:
    """Stop an active plugin and undo what it did; every step runs. What the steps raised."""
    table = registry.plugins
    context = table.contexts[handle.id]
    context.withdraw()
    errors = finish(handle.plugin, context)
    registry.config.define(handle.id, None)
    with table.lock:
        handle.plugin = None
        del table.contexts[handle.id]
        if handle.metadata.has_needs:
            table.edges.remove(handle.metadata)
        table.edges.forget_uses(handle.id)
    return errors


def finish(plugin: object, context: PluginContext) -> list[Exception]:
    """Tell a plugin whose services and subscriptions are gone, and undo the rest."""
    on_unload = getattr(plugin, "on_unload", None)
    error = None if on_unload is None else attempt(on_unload, context)
    errors = context.unwind()
    return errors if error is None else [error, *errors]


def dependents(registry: Registry, plugin_id: str) -> dict[str, bool]:
    """Plugins that need this one, directly or through others, last one up first.

    True for those that cannot be without it, False for those that merely use a service.
    """
    contexts, edges = registry.plugins.contexts, registry.plugins.edges
    found: dict[str, bool] = {}
    with registry.plugins.lock:
        if not (
            plugin_id in edges.users or plugin_id in edges.requirers or edges.service_requirers
        ):
            return found
        pending = [(plugin_id, True)]
        while pending:
            provider, is_lost = pending.pop()
            for needer, cannot_be_without in _needers(registry, provider).items():
                is_needer_lost = is_lost and cannot_be_without
                if needer != plugin_id and (needer not in found or found[needer] < is_needer_lost):
                    found[needer] = is_needer_lost
                    pending.append((needer, is_needer_lost))
        # Those still loading come first: nobody can need them yet.
        order = {plugin_id: i for i, plugin_id in enumerate(contexts)} if found else {}
    return dict(sorted(found.items(), key=lambda item: -order.get(item[0], len(order))))


def _needers(registry: Registry, provider: str) -> dict[str, bool]:
    """Who needs a plugin directly, and whether they cannot be without it."""
    edges = registry.plugins.edges
    found = dict.fromkeys(edges.users.get(provider, ()), False)
    found.update(dict.fromkeys(edges.requirers.get(provider, ()), True))
    context = registry.plugins.contexts.get(provider) if edges.service_requirers else None
    for name in context.service_names() if context is not None else ():
        requirers = edges.service_requirers.get(name, {})
        if requirers and all(
            reference.plugin_id == provider for reference in registry.services.references(name)
        ):
            found.update(dict.fromkeys(requirers, True))
    return found
