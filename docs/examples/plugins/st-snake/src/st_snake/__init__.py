"""Periodic modules, a loss and an optimizer, all named by experiment files."""

from __future__ import annotations

from st.core import Plugin, PluginContext
from st.nn.operator_registry import OPERATOR_REGISTRY
from st_snake.sine import SINE, bind_numpy


class SnakePlugin(Plugin):
    """Adds the operator `sine` while it is loaded; the manifest says where the modules are."""

    def on_load(self, ctx: PluginContext) -> None:
        """Register the operator, with a kernel for NumPy; other backends run its decomposition."""
        registry = ctx.get_service(OPERATOR_REGISTRY)
        registry.register(SINE, kernels={"NumPy": bind_numpy}, ctx=ctx)
