"""The plugin `numpy`: offers the capability Backend(NumPy)."""

from __future__ import annotations

from st.core import Plugin, PluginContext, TensorOp
from st.core.backend import service_name
from st.nn.numpy_backend.backend import NumPyBackend


class NumPyPlugin(Plugin):
    """Registers the service `backend.numpy`; unloading gives BLAS its threads back."""

    def on_load(self, ctx: PluginContext) -> None:
        """Make the backend and offer it."""
        backend = NumPyBackend(ctx.registry.bus.topic(TensorOp))
        ctx.callback(backend.threads.restore)
        ctx.register_service(service_name(backend.name), backend)
