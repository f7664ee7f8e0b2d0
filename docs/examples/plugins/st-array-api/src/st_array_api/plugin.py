"""The plugin: imports the array library and offers the backend."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from st.core import Plugin, PluginContext, PluginUnavailable, TensorOp
from st.core.backend import service_name
from st_array_api.backend import ArrayBackend

LIBRARIES = {"strict": "array_api_strict", "torch": "array_api_compat.torch"}


@dataclass(frozen=True)
class Settings:
    """Configuration of the plugin "array-api", for example ``ST_ARRAY_API__LIBRARY=torch``."""

    library: Literal["strict", "torch"] = "strict"
    """Which library computes; it has to be installed."""


class ArrayApiPlugin(Plugin):
    """Offers the service "backend.arrayapi"."""

    config_schema = Settings

    def on_load(self, ctx: PluginContext) -> None:
        """Import the library.

        Raises:
            PluginUnavailable: It is not installed.
        """
        library = ctx.get_config("library")
        try:
            xp = import_module(LIBRARIES[library])
        except ImportError as error:
            raise PluginUnavailable(
                f"the array library {library!r} cannot be imported ({error})",
                f'pip install "st-array-api[{library}]"' if library == "torch" else "",
            ) from error
        backend = ArrayBackend(xp, ctx.topic(TensorOp))
        ctx.register_service(service_name(backend.name), backend)
