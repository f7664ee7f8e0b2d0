"""What the registry knows of one plugin, as others see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from st.core.metadata import PluginMetadata
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


#: States in which a plugin is active or can become so when it is asked for.
USABLE = frozenset({PluginState.DISCOVERED, PluginState.LOADING, PluginState.ACTIVE})


@dataclass(frozen=True, slots=True)
class Contribution:
    """One `[<id>.contributes."<point>"]` table of a manifest, uninterpreted."""

    plugin_id: str
    distribution: str
    table: Mapping[str, Any]


@dataclass(slots=True, eq=False, repr=False)
class PluginHandle:
    """One plugin in one registry. Written by the registry, read by everybody else.

    Attributes:
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

    metadata: PluginMetadata
    origin: str
    source: Source
    distribution: str = ""
    is_opaque: bool = False
    contributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    state: PluginState = PluginState.DISCOVERED
    reason: str = ""
    plugin: Any = None
    sequence: int = 0

    @property
    def id(self) -> str:
        """Its name in the registry."""
        return self.metadata.id

    @property
    def version(self) -> str:
        """Its version."""
        return self.metadata.version

    def __repr__(self) -> str:
        return f"<plugin {self.id} {self.version}: {self.state}>"
