"""The plugin ``nn``: offers the registries of modules and of operators."""

from __future__ import annotations

from st.core import Plugin, PluginContext
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.operator_registry import OPERATOR_REGISTRY, OperatorRegistry


class NNPlugin(Plugin):
    """Registers the services ``module_registry`` and ``operator_registry``."""

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the modules that all plugins of the registry contribute, and the operators."""
        ctx.register_service(MODULE_REGISTRY, ModuleDiscoveryRegistry(ctx.registry))
        ctx.register_service(OPERATOR_REGISTRY, OperatorRegistry(ctx.registry))
