"""Pattern 2: a plugin that registers building blocks with somebody else's registry.

    python docs/examples/ecosystem/module_plugin.py

prints

    before: []
    with the plugin: ['double', 'increment']
    double, then increment: 7
    after: []

The module registry of this example is a dictionary; `st.nn` offers a real one as the service
`module_registry`.
"""

from collections.abc import Callable

from st.core import Plugin, PluginCapability, PluginContext, PluginMetadata, Registry

Factory = Callable[[], Callable[[float], float]]


class ModuleRegistry:
    """Factories by name; adding one gives what takes it back."""

    def __init__(self) -> None:
        self.factories: dict[str, Factory] = {}

    def register(self, name: str, factory: Factory) -> Callable[[], object]:
        """Take a factory in; call the result to take it out again."""
        self.factories[name] = factory
        return lambda: self.factories.pop(name)


class ModulesPlugin(Plugin):
    """Shares the module registry as a service."""

    metadata = PluginMetadata("modules", "1.0", provides=("module_registry",))

    def on_load(self, ctx: PluginContext) -> None:
        """Offer an empty registry."""
        ctx.register_service("module_registry", ModuleRegistry())


class LayerPlugin(Plugin):
    """Adds its layers wherever the module registry comes from."""

    metadata = PluginMetadata(
        "layers", "1.0", requires_services=("module_registry",)
    ).with_capability(PluginCapability.OPERATORS)

    def on_load(self, ctx: PluginContext) -> None:
        """Register the layers, and have that undone at unload."""
        modules = ctx.get_service("module_registry")
        ctx.callback(modules.register("double", lambda: lambda x: 2 * x))
        ctx.callback(modules.register("increment", lambda: lambda x: x + 1))


def main() -> None:
    """Show that the layers come and go with their plugin."""
    with Registry() as registry:
        registry.register(ModulesPlugin)
        modules = registry.get_service("module_registry")
        print("before:", sorted(modules.factories))
        registry.register(LayerPlugin)
        print("with the plugin:", sorted(modules.factories))
        double, increment = (modules.factories[name]() for name in ("double", "increment"))
        print("double, then increment:", increment(double(3)))
        registry.unregister("layers")
        print("after:", sorted(modules.factories))


if __name__ == "__main__":
    main()
