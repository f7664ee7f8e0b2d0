"""Who depends on whom among the plugins that are up."""

from __future__ import annotations

from collections.abc import Iterator

from st.core.metadata import PluginMetadata, split_contract


class Edges:
    """Dependents by what they depend on. Used under the table's lock."""

    def __init__(self) -> None:
        # By ("plugin", id) or ("service", name) that is required, or ("user of", id).
        self._needers: dict[tuple[str, str], dict[str, None]] = {}
        self._used: dict[str, dict[str, None]] = {}

    def add(self, metadata: PluginMetadata) -> None:
        """Note what a plugin that is coming up requires."""
        for needed in _needs(metadata):
            self._needers.setdefault(needed, {})[metadata.id] = None

    def use(self, user: str, provider: str) -> None:
        """Note that a plugin holds a service of another."""
        self._needers.setdefault(("user of", provider), {})[user] = None
        self._used.setdefault(user, {})[provider] = None

    def remove(self, metadata: PluginMetadata) -> None:
        """Forget what a plugin required; `forget_uses` does so for what it used."""
        for needed in _needs(metadata):
            self._discard(needed, metadata.id)

    def forget_uses(self, user: str) -> None:
        """Forget whose services a plugin that is down held."""
        for provider in self._used.pop(user, ()):
            self._discard(("user of", provider), user)

    def users(self, plugin_id: str) -> tuple[str, ...]:
        """Who holds a service of a plugin."""
        return tuple(self._needers.get(("user of", plugin_id), ()))

    def requirers(self, plugin_id: str) -> tuple[str, ...]:
        """Who requires a plugin."""
        return tuple(self._needers.get(("plugin", plugin_id), ()))

    def service_requirers(self, name: str) -> tuple[str, ...]:
        """Who requires a service."""
        return tuple(self._needers.get(("service", name), ()))

    def _discard(self, needed: tuple[str, str], needer: str) -> None:
        needers = self._needers.get(needed, {})
        needers.pop(needer, None)
        if not needers:
            self._needers.pop(needed, None)


def _needs(metadata: PluginMetadata) -> Iterator[tuple[str, str]]:
    for plugin_id in metadata.requires:
        yield "plugin", plugin_id
    for text in metadata.requires_services:
        yield "service", split_contract(text)[0]
