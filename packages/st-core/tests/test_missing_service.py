"""What one hears when nobody offers a service, wherever one asks."""

import pytest

from st.core import Plugin, PluginContext, PluginMetadata, Registry, ServiceNotFoundError


def test_a_missing_service_is_an_error_that_names_it():
    registry = Registry()

    with pytest.raises(ServiceNotFoundError, match="'nope'"):
        registry.get_service("nope")
    assert registry.get_service("nope", None) is None


class Asking(Plugin):
    """Asks for a service nobody offers."""

    metadata = PluginMetadata("asking", "1")
    found: object

    def on_load(self, ctx: PluginContext) -> None:
        self.found = ctx.get_service("nope", "the default")
        with pytest.raises(ServiceNotFoundError, match="'nope'"):
            ctx.get_service("nope")


def test_a_plugin_hears_the_same_and_may_give_a_default():
    with Registry() as registry:
        handle = registry.register(Asking)

        assert handle.plugin.found == "the default"
