"""The plugin ``nn``: offers the registries of modules and of operators."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from st.core import Plugin, PluginContext, Subscription
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.operator_registry import OPERATOR_REGISTRY, OperatorRegistry

if TYPE_CHECKING:
    from st.nn.train import FitStarted


class NNPlugin(Plugin):
    """Registers the services ``module_registry`` and ``operator_registry``.

    While it is loaded, plugins that hear the stages of Z-space sequencers are told of them after
    every epoch of a fit; see `st.nn.zspace_coherence.training`.
    """

    def __init__(self) -> None:
        self._watched: Subscription | None = None

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the modules that all plugins of the registry contribute, and the operators."""
        ctx.register_service(MODULE_REGISTRY, ModuleDiscoveryRegistry(ctx.registry))
        ctx.register_service(OPERATOR_REGISTRY, OperatorRegistry(ctx.registry))
        ctx.subscribe("FitStarted", partial(self._watch, ctx))

    def _watch(self, ctx: PluginContext, event: FitStarted) -> None:
        # Imported when a fit starts: what hears no stage and trains nothing does not wait for it.
        from st.nn.zspace_coherence.training import watch

        if self._watched is not None:
            self._watched.close()
        self._watched = watch(ctx, event)
