"""Requirements: whether they are met, and the order they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from st.core.handle import PluginHandle, PluginState
from st.core.metadata import satisfies, split_contract

# States in which a plugin may count on another: it is there, or can be brought up. One that is
# UNRESOLVED is looked into itself, further along the chain.
_RELIABLE = (
    PluginState.DISCOVERED,
    PluginState.UNRESOLVED,
    PluginState.LOADING,
    PluginState.ACTIVE,
)


class Known:
    """The plugins a requirement may refer to: by id, and by what they offer."""

    def __init__(self) -> None:
        self.by_id: dict[str, PluginHandle] = {}
        #: By capability, name of a service, or ("against", id) for an id they conflict with.
        self.by_offer: dict[object, dict[str, PluginHandle]] = {}

    def holders(self, offer: object) -> Iterable[PluginHandle]:
        """Who has an offer, whatever their state."""
        return self.by_offer.get(offer, {}).values()

    def problems(self, handles: Iterable[PluginHandle]) -> Mapping[str, str]:
        """Why each of `handles` cannot be loaded, "" when it can."""
        reasons: dict[str, str] = {}
        for handle in handles:
            reasons[handle.id] = self._look_into(handle, reasons, ()) or self.clash(handle)
        return reasons

    def _look_into(
        self, handle: PluginHandle, reasons: dict[str, str], path: tuple[str, ...]
    ) -> str:
        if handle.id in reasons:
            return reasons[handle.id]
        if handle.id in path:
            circle = [*path[path.index(handle.id) :], handle.id]
            return f"requirements run in a circle: {' → '.join(circle)}"
        reason = ""
        for plugin_id, versions in sorted(handle.metadata.requires.items()):
            other = self.by_id.get(plugin_id)
            reason = unmet(plugin_id, versions, other)
            if not reason and other is not None and other.state is not PluginState.ACTIVE:
                deeper = self._look_into(other, reasons, (*path, handle.id))
                reason = f"requires {plugin_id}: {deeper}" if deeper else ""
            if reason:
                break
        reasons[handle.id] = reason or self._missing_service(handle)
        return reasons[handle.id]

    def _missing_service(self, handle: PluginHandle) -> str:
        for text in handle.metadata.requires_services:
            name, versions = split_contract(text)
            holders = [other for other in self.holders(name) if other.state in _RELIABLE]
            if not any(_offers(other, name, versions) for other in holders):
                return f"requires service {text}, which no plugin provides"
        return ""

    def clash(self, handle: PluginHandle) -> str:
        """Why a plugin cannot run beside those that are active now, "" when it can."""
        conflicts, opponents = handle.metadata.conflicts, self.holders(("against", handle.id))
        if not conflicts and not opponents:
            return ""
        for other in (*[self.by_id[key] for key in conflicts if key in self.by_id], *opponents):
            if other is handle or other.state is not PluginState.ACTIVE:
                continue
            for one, two in ((handle, other), (other, handle)):
                versions = one.metadata.conflicts.get(two.id)
                if versions is not None and satisfies(two.version, versions):
                    return f"conflicts with {other.id} {other.version}, which is active"
        return ""


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


def _offers(handle: PluginHandle, wanted: str, versions: str) -> bool:
    """Whether a plugin declares a service in a version that will do."""
    for name, declared in map(split_contract, handle.metadata.provides):
        if name == wanted:
            return not versions or satisfies(declared.lstrip("=<>~! ") or "0", versions)
    return False


def in_order(handles: Iterable[PluginHandle]) -> list[PluginHandle]:
    """Requirements first, otherwise by rank, then id; a circle is cut at its best member."""
    by_id = {handle.id: handle for handle in handles}
    ordered: dict[str, PluginHandle] = {}

    def visit(plugin_ids: Iterable[str], path: tuple[str, ...]) -> None:
        for key in sorted(plugin_ids, key=lambda key: (-by_id[key].metadata.rank, key)):
            if key not in ordered and key not in path:
                metadata = by_id[key].metadata
                visit({*metadata.requires, *metadata.optional} & by_id.keys(), (*path, key))
                ordered[key] = by_id[key]

    visit(by_id, ())
    return list(ordered.values())
