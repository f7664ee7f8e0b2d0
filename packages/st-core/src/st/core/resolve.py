"""Requirements: whether they are met, and the order they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from st.core.handle import PluginHandle, PluginState
from st.core.metadata import split_contract
from st.core.versions import satisfies

# States in which a plugin may count on another: it is there, or can be brought up.
_RELIABLE = (
    PluginState.DISCOVERED,
    PluginState.UNRESOLVED,  # looked into itself, further along the chain
    PluginState.LOADING,
    PluginState.ACTIVE,
)


def problems(handles: Iterable[PluginHandle], known: Mapping[str, PluginHandle]) -> dict[str, str]:
    """Why which of `handles` cannot be loaded; those that can are left out."""
    providers: dict[str, list[PluginHandle]] = {}
    opponents: dict[str, list[PluginHandle]] = {}
    for handle in known.values():
        for text in handle.metadata.provides:
            providers.setdefault(split_contract(text)[0], []).append(handle)
        for plugin_id in handle.metadata.conflicts:
            opponents.setdefault(plugin_id, []).append(handle)
    reasons: dict[str, str] = {}
    for handle in handles:
        if not _look_into(handle, known, providers, reasons, ()):
            reasons[handle.id] = clash(handle, known, opponents.get(handle.id, ()))
    return {plugin_id: reason for plugin_id, reason in reasons.items() if reason}


def _look_into(
    handle: PluginHandle,
    known: Mapping[str, PluginHandle],
    providers: Mapping[str, list[PluginHandle]],
    reasons: dict[str, str],
    path: tuple[str, ...],
) -> str:
    if handle.id in reasons:
        return reasons[handle.id]
    if handle.id in path:
        circle = [*path[path.index(handle.id) :], handle.id]
        return f"requirements run in a circle: {' → '.join(circle)}"
    path = (*path, handle.id)
    reason = ""
    for plugin_id, versions in sorted(handle.metadata.requires.items()):
        other = known.get(plugin_id)
        reason = unmet(plugin_id, versions, other)
        if not reason and other is not None and other.state is not PluginState.ACTIVE:
            deeper = _look_into(other, known, providers, reasons, path)
            reason = f"requires {plugin_id}: {deeper}" if deeper else ""
        if reason:
            break
    reason = reason or _missing_service(handle, providers)
    reasons[handle.id] = reason
    return reason


def unmet(plugin_id: str, versions: str, other: PluginHandle | None) -> str:
    """Why a requirement on a plugin is not met, "" when it is."""
    wanted = f"{plugin_id} {versions}".rstrip()
    if other is None:
        return f"requires {wanted}, which is not installed"
    if not satisfies(other.version, versions):
        return f"requires {wanted}, but {other.version} is installed"
    if other.state not in _RELIABLE:
        why = f": {other.reason}" if other.reason else ""
        return f"requires {wanted}, which is {other.state}{why}"
    return ""


def _missing_service(handle: PluginHandle, providers: Mapping[str, list[PluginHandle]]) -> str:
    for text in handle.metadata.requires_services:
        name, _ = split_contract(text)
        offers = [other for other in providers.get(name, ()) if other.state in _RELIABLE]
        if not any(offers_contract(other, text) for other in offers):
            return f"requires service {text}, which no plugin provides"
    return ""


def offers_contract(handle: PluginHandle, wanted: str) -> bool:
    """Whether a plugin declares a service in a version that will do ("name" or "name>=1.0")."""
    name, versions = split_contract(wanted)
    for text in handle.metadata.provides:
        offered, offered_versions = split_contract(text)
        if offered == name:
            return not versions or satisfies(offered_versions.lstrip("=<>~! ") or "0", versions)
    return False


def clash(
    handle: PluginHandle, known: Mapping[str, PluginHandle], opponents: Iterable[PluginHandle]
) -> str:
    """Why a plugin cannot run beside those that are active now, "" when it can.

    `opponents` are the plugins that name this one in their own `conflicts`.
    """
    named = [known[plugin_id] for plugin_id in handle.metadata.conflicts if plugin_id in known]
    for other in (*named, *opponents):
        if other is handle or other.state is not PluginState.ACTIVE:
            continue
        for one, two in ((handle, other), (other, handle)):
            versions = one.metadata.conflicts.get(two.id)
            if versions is not None and satisfies(two.version, versions):
                return f"conflicts with {other.id} {other.version}, which is active"
    return ""


def in_order(handles: Iterable[PluginHandle]) -> list[PluginHandle]:
    """Requirements first; what they leave open by rank, then id. Members of circles come last."""
    from graphlib import CycleError, TopologicalSorter

    by_id = {handle.id: handle for handle in handles}
    remaining = dict(by_id)
    while True:
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for handle in remaining.values():
            needs = {*handle.metadata.requires, *handle.metadata.optional} & remaining.keys()
            sorter.add(handle.id, *needs)
        try:
            sorter.prepare()
        except CycleError as error:
            for plugin_id in error.args[1]:
                remaining.pop(plugin_id, None)
            continue
        break
    ordered: list[PluginHandle] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda item: (-by_id[item].metadata.rank, item))
        ordered.extend(by_id[plugin_id] for plugin_id in ready)
        sorter.done(*ready)
    return ordered + [by_id[item] for item in sorted(by_id.keys() - remaining.keys())]
