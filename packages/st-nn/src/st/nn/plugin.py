"""The plugin ``nn``: offers the registry of modules."""

from __future__ import annotations

from st.core import Plugin, PluginContext
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry


class NNPlugin(Plugin):
    """Registers the service ``module_registry``."""

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the modules that all plugins of the registry contribute."""
        ctx.register_service(MODULE_REGISTRY, ModuleDiscoveryRegistry(ctx.registry))
