"""Who depends on whom among the plugins that are up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from st.core.metadata import PluginMetadata, split_contract

Ids: TypeAlias = dict[str, None]


class Edges:
    """Dependents by what they depend on. Used under the table's lock."""

    def __init__(self) -> None:
        self._requirers: dict[str, Ids] = {}
        self._service_requirers: dict[str, Ids] = {}
        self._users: dict[str, Ids] = {}
        self._used: dict[str, Ids] = {}

    def add(self, metadata: PluginMetadata) -> None:
        """Note what a plugin that is coming up requires."""
        for plugin_id in metadata.requires:
            self._requirers.setdefault(plugin_id, {})[metadata.id] = None
        for text in metadata.requires_services:
            name, _ = split_contract(text)
            self._service_requirers.setdefault(name, {})[metadata.id] = None

    def use(self, user: str, provider: str) -> None:
        """Note that a plugin holds a service of another."""
        self._users.setdefault(provider, {})[user] = None
        self._used.setdefault(user, {})[provider] = None

    def remove(self, metadata: PluginMetadata, *, keep_uses: bool = False) -> None:
        """Forget what a plugin that is down required and used."""
        for plugin_id in metadata.requires:
            _discard(self._requirers, plugin_id, metadata.id)
        for text in metadata.requires_services:
            _discard(self._service_requirers, split_contract(text)[0], metadata.id)
        for provider in () if keep_uses else self._used.pop(metadata.id, ()):
            _discard(self._users, provider, metadata.id)

    def may_be_needed(self, plugin_id: str) -> bool:
        """Whether looking for dependents can find any."""
        is_known = plugin_id in self._requirers or plugin_id in self._users
        return is_known or bool(self._service_requirers)

    def users(self, plugin_id: str) -> Iterable[str]:
        """Who holds a service of a plugin."""
        return tuple(self._users.get(plugin_id, ()))

    def requirers(self, plugin_id: str) -> Iterable[str]:
        """Who requires a plugin."""
        return tuple(self._requirers.get(plugin_id, ()))

    def service_requirers(self, name: str) -> tuple[str, ...]:
        """Who requires a service."""
        return tuple(self._service_requirers.get(name, ()))


def _discard(index: dict[str, dict[str, Any]], key: str, member: str) -> None:
    members = index.get(key, {})
    members.pop(member, None)
    if not members:
        index.pop(key, None)
