"""The plugin `numpy`: offers the capability Backend(NumPy)."""

from __future__ import annotations

from dataclasses import dataclass

from st.core import ConfigError, Plugin, PluginContext, TensorOp
from st.core.backend import service_name
from st.nn.numpy_backend.backend import NumPyBackend


@dataclass(frozen=True)
class NumPyConfig:
    """Configuration of the plugin `numpy`."""

    threads: int = 0
    """How many threads do a launch of a plan together, where it is large enough to pay; 1 for one
    in everything. 0, as a rule, is one as well, but for large matrix products all that BLAS has."""


class NumPyPlugin(Plugin):
    """Registers the service `backend.numpy`; unloading gives BLAS its threads back."""

    config_schema = NumPyConfig

    def on_load(self, ctx: PluginContext) -> None:
        """Make the backend and offer it.

        Raises:
            ConfigError: The number of threads is negative.
        """
        n_threads = ctx.get_config("threads")
        if n_threads < 0:
            raise ConfigError(f"numpy: threads is {n_threads}, expected 0 (unset) or more")
        topic = ctx.registry.bus.topic(TensorOp)
        backend = NumPyBackend(topic, n_threads=n_threads or None)
        ctx.callback(backend.close)
        ctx.register_service(service_name(backend.name), backend)
