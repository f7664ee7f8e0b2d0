"""A plugin in one file: st train docs/examples/digits.toml --plugin docs/examples/louder.py."""

from st.core import EpochEnd, Plugin, PluginContext, PluginMetadata


class Louder(Plugin):
    """Says aloud when an epoch is over."""

    metadata = PluginMetadata("louder", "1.0")

    def on_load(self, ctx: PluginContext) -> None:
        """Listen."""
        ctx.subscribe(EpochEnd, lambda end: print(f"EPOCH {end.epoch}! LOSS {end.loss:.3f}!"))
