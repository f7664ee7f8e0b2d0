"""What the registry knows of one plugin, as others see it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from st.core.metadata import PluginMetadata
from st.core.record import Record, record
from st.core.source import Source


class PluginState(Enum):
    """Where a plugin is in its life."""

    DISCOVERED = "discovered"  #: known from its manifest, not imported
    LOADING = "loading"
    ACTIVE = "active"
    UNLOADING = "unloading"
    UNLOADED = "unloaded"  #: loads again only by `load(id)`
    UNAVAILABLE = "unavailable"  #: cannot work on this machine
    FAILED = "failed"
    BROKEN = "broken"  #: its manifest or file cannot be read
    BLOCKED = "blocked"  #: kept out by an allow-list or block-list
    CONFLICTING = "conflicting"  #: its id, or it itself, clashes with another
    UNRESOLVED = "unresolved"  #: a requirement is not met

    def __str__(self) -> str:
        return self.value


# Tuples, because `in` then compares by identity; hashing an enum member runs Python code.
#: A plugin is active or can become so when it is asked for.
USABLE = (PluginState.ACTIVE, PluginState.DISCOVERED, PluginState.LOADING)
#: It has not been loaded, and whether it can be depends on others.
WAITING = (PluginState.DISCOVERED, PluginState.UNRESOLVED)
#: It is up, or on its way up or down.
BUSY = (PluginState.ACTIVE, PluginState.LOADING, PluginState.UNLOADING)
#: Lookups leave it alone; an explicit load tries it again.
RETRIED = (PluginState.UNLOADED, PluginState.UNAVAILABLE, PluginState.FAILED)
#: Only the user can change it.
STUCK = (PluginState.BROKEN, PluginState.BLOCKED, PluginState.CONFLICTING)


@record
class Contribution(Record):
    """One `[<id>.contributes."<point>"]` table of a manifest, uninterpreted."""

    plugin_id: str
    distribution: str
    table: Mapping[str, Any]


class PluginHandle:
    """One plugin in one registry. Written by the registry, read by everybody else.

    Attributes:
        id: Its name in the registry.
        metadata: Its facts, from the manifest or the class.
        origin: Where it comes from: a distribution, a path, or "registered here".
        source: What makes the plugin.
        distribution: The distribution's name, "" when it comes from none.
        is_opaque: No manifest says what it offers before it is loaded.
        contributes: The manifest's contribution tables by point.
        state: Where it is in its life, and
        reason: why, when that needs explaining; else "".
        plugin: The live object, None unless active.
        sequence: Its place in the order of arrival.
    """

    def __init__(
        self,
        metadata: PluginMetadata,
        origin: str,
        source: Source,
        distribution: str = "",
        is_opaque: bool = False,
        contributes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        self.id = metadata.id
        self.metadata = metadata
        self.origin = origin
        self.source = source
        self.distribution = distribution
        self.is_opaque = is_opaque
        self.contributes = contributes
        self.state = PluginState.DISCOVERED
        self.reason = ""
        self.plugin: Any = None
        self.sequence = 0

    @property
    def version(self) -> str:
        """Its version."""
        return self.metadata.version

    def __repr__(self) -> str:
        return f"<plugin {self.id} {self.version}: {self.state}>"
