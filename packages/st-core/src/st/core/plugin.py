"""What a plugin looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from st.core.metadata import PluginMetadata

if TYPE_CHECKING:
    from st.core.context import PluginContext


class Plugin:
    """Base class of plugins; any object of this shape is one as well.

    >>> class Greeter(Plugin):
    ...     metadata = PluginMetadata("greeter", "1.0")
    ...     def on_load(self, ctx):
    ...         ctx.register_service("greeting", "hello")

    A plugin that hands its state over to its next version also has `export_state() -> object`
    and `import_state(state)`; the latter is called after `on_load`.

    Attributes:
        metadata: May be left out where a manifest says it all.
        config_schema: A dataclass whose fields are the plugin's configuration.
    """

    metadata: ClassVar[PluginMetadata | None] = None
    config_schema: ClassVar[type[Any] | None] = None

    def on_load(self, ctx: PluginContext) -> None:
        """Begin to work: register, subscribe, acquire, all through `ctx`.

        Raises:
            PluginUnavailable: When it cannot work on this machine.
        """

    def on_unload(self, ctx: PluginContext) -> None:
        """Stop working. What was done through `ctx` is undone without further ado."""
