"""Take the installed plugins into a registry, each as its manifest and the user's lists say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from st.core.handle import PluginHandle, PluginState
from st.core.source import EntryPointSource
from st.core.table import PluginTable

if TYPE_CHECKING:
    from st.core.discovery import Found


class Installed:
    """How installed plugins get into one registry."""

    def __init__(
        self, table: PluginTable, allow: Iterable[str] | None, block: Iterable[str]
    ) -> None:
        self._table = table
        self._allow = None if allow is None else frozenset(map(_normal, allow))
        self._block = frozenset(map(_normal, block))

    def discover(self, group: str, path: Sequence[str] | None) -> list[PluginHandle]:
        """Take in what is installed and not known yet."""
        from st.core.discovery import find_plugins  # only paid for by who discovers

        added: list[PluginHandle] = []
        for found in find_plugins(group, path):
            handle = self._handle(found)
            present = self._table.peek(handle.id)
            if present is None:
                self._table.add(handle)
                added.append(handle)
            elif present.distribution != handle.distribution:
                self._clash(present, handle)
        return added

    def _handle(self, found: Found) -> PluginHandle:
        distribution = found.distribution.name
        handle = PluginHandle(
            found.metadata,
            distribution,
            EntryPointSource(found.metadata.id, found.target),
            distribution,
            found.is_opaque,
            found.contributes,
        )
        name = _normal(distribution)
        if found.problem:
            handle.state, handle.reason = PluginState.BROKEN, found.problem
        elif name in self._block:
            handle.state, handle.reason = PluginState.BLOCKED, f"{distribution} is blocked"
        elif self._allow is not None and name not in self._allow:
            handle.state, handle.reason = PluginState.BLOCKED, f"{distribution} is not allowed"
        return handle

    def _clash(self, present: PluginHandle, other: PluginHandle) -> None:
        """Two distributions claim an id: neither gets it, unless one is at work already."""
        if present.state in (PluginState.ACTIVE, PluginState.LOADING):
            return
        if other.state is PluginState.BLOCKED:
            return
        if present.state is PluginState.BLOCKED:
            self._table.remove(present)
            self._table.add(other)
            return
        reason = (
            f"both {present.origin} and {other.origin} provide a plugin {present.id!r}; "
            "uninstall or block one of them"
        )
        self._table.set_state(present, PluginState.CONFLICTING, reason)


def _normal(distribution: str) -> str:
    return distribution.lower().replace("_", "-")
