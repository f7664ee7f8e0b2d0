"""What the registry knows of one plugin, as others see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


class PluginHandle:
    """One plugin in one registry. Written by the registry, read by everybody else.

    Attributes:
        metadata: Its facts, from the manifest or the class.
        state: Where it is in its life, and
        reason: why, when that needs explaining; else "".
        origin: Where it comes from: a distribution, a path, or "registered here".
        distribution: The distribution's name, "" when it comes from none.
        plugin: The live object, None unless active.
        is_opaque: No manifest says what it offers before it is loaded.
        contributes: The manifest's contribution tables by point.
        source: What makes the plugin.
        sequence: Its place in the order of arrival.
    """

    __slots__ = (
        "contributes",
        "distribution",
        "is_opaque",
        "metadata",
        "origin",
        "plugin",
        "reason",
        "sequence",
        "source",
        "state",
    )

    def __init__(
        self,
        metadata: PluginMetadata,
        origin: str,
        source: Source,
        *,
        distribution: str = "",
        is_opaque: bool = False,
        contributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.metadata = metadata
        self.origin = origin
        self.source = source
        self.distribution = distribution
        self.is_opaque = is_opaque
        self.contributes = contributes or {}
        self.state = PluginState.DISCOVERED
        self.reason = ""
        self.plugin: Any = None
        self.sequence = 0

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
