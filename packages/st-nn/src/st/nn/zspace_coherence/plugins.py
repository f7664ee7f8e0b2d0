"""Plugins that hear the stages of Z-space sequencers: what they are, and where they are found.

>>> from st.core import Registry
>>> class Printer:
...     name = "printer"
...     stages = ("aggregated",)
...     def on_stage(self, event):
...         print(event.stage)
>>> with Registry() as registry:
...     handle = ZSpacePluginRegistry.register(Printer(), registry=registry)
...     [plugin.name for plugin in ZSpacePluginRegistry.find_all_sequencers(registry)]
['printer']
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Protocol, runtime_checkable

from st.core import (
    Plugin,
    PluginCapability,
    PluginContext,
    PluginHandle,
    PluginMetadata,
    Registry,
    global_registry,
)

CAPABILITY: Final = PluginCapability.Custom("ZSpaceSequencer")
"""By which a registry finds them, with the adapter or without."""


@runtime_checkable
class ZSpaceSequencerPlugin(Protocol):
    """What hears the stages.

    Attributes:
        name: By which it is known; small letters, digits, ``_`` and ``-``.
        stages: Names of the stages it hears; none named means all.
    """

    name: str
    stages: Collection[str]

    def on_stage(self, event: Any) -> None:
        """Hear one stage; see `st.nn.zspace_coherence.stages`. What it raises stops nobody."""


class ZSpacePluginAdapter(Plugin):
    """Lets any object that hears stages be a plugin of a registry.

    While it is loaded it offers the object as the service that is called like its id,
    ``zspace_sequencer_NAME``.
    """

    def __init__(
        self, sequencer: ZSpaceSequencerPlugin, metadata: PluginMetadata | None = None
    ) -> None:
        """Make its metadata of the name, unless they are given."""
        made = metadata or PluginMetadata(f"zspace_sequencer_{sequencer.name}", "1.0.0")
        if CAPABILITY not in made.capabilities:
            made = made.with_capability(CAPABILITY)
        if made.id not in made.provides:
            made = made.with_service(made.id)
        self.metadata = made  # type: ignore[misc]  # each adapter is a plugin of its own
        self.sequencer = sequencer

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the object until the adapter unloads."""
        ctx.register_service(ctx.plugin_id, self.sequencer)


class ZSpacePluginRegistry:
    """Registers and finds plugins that hear stages, in a registry or in the global one."""

    @staticmethod
    def register(
        sequencer: ZSpaceSequencerPlugin, *, registry: Registry | None = None
    ) -> PluginHandle:
        """Register an object that hears stages; `Registry.unregister` of its id is the inverse.

        Raises:
            DuplicatePluginError: There is one of that name.
            MetadataError: The name does not do as part of an id.
        """
        return _or_global(registry).register(ZSpacePluginAdapter(sequencer))

    @staticmethod
    def register_with_metadata(
        sequencer: ZSpaceSequencerPlugin,
        metadata: PluginMetadata,
        *,
        registry: Registry | None = None,
    ) -> PluginHandle:
        """Register one under an id of its own; capability and service are added to `metadata`.

        Raises:
            DuplicatePluginError: There is one of that id.
        """
        return _or_global(registry).register(ZSpacePluginAdapter(sequencer, metadata))

    @staticmethod
    def find_all_sequencers(registry: Registry | None = None) -> list[ZSpaceSequencerPlugin]:
        """Return all that hear stages, in the order they came; loads those not loaded yet."""
        return hearing(_or_global(registry), activate=True)

    @staticmethod
    def get_sequencer(name: str, registry: Registry | None = None) -> ZSpaceSequencerPlugin | None:
        """Return the one of that name, or None."""
        every = ZSpacePluginRegistry.find_all_sequencers(registry)
        return next((plugin for plugin in every if plugin.name == name), None)


def hearing(registry: Registry, *, activate: bool) -> list[ZSpaceSequencerPlugin]:
    """Return the plugins of a registry that hear stages, in the order they came.

    Only those that are active, unless `activate` loads the others.
    """
    handles = registry.find_by_capability(CAPABILITY, activate=activate)
    found = [_hearing(handle) for handle in sorted(handles, key=lambda of: of.sequence)]
    return [plugin for plugin in found if plugin is not None]


def _hearing(handle: PluginHandle) -> ZSpaceSequencerPlugin | None:
    """Return what hears stages: what an adapter holds, or a plugin that does so itself."""
    if isinstance(handle.plugin, ZSpacePluginAdapter):
        return handle.plugin.sequencer
    return handle.plugin if isinstance(handle.plugin, ZSpaceSequencerPlugin) else None


def _or_global(registry: Registry | None) -> Registry:
    return global_registry() if registry is None else registry
