"""The complete example: registration, discovery, events, services, configuration, lifecycle.

    python docs/examples/ecosystem/ecosystem_integration_demo.py

prints

    loaded model
    loaded trainer
    loaded watcher
    optimizers: model
      watcher 1: 1 epochs, loss 16.0200
      watcher 1: 2 epochs, loss 0.4101
    loaded watcher
      watcher 2: 3 epochs, loss 0.0105
    predicted 29.88
    model is needed by trainer; unregister(..., dependents="cascade") unloads them as well
    unloaded trainer, model
    watcher 2 from its file is active.

Every plugin here follows the same few practices: one purpose; what it offers and needs declared
in its metadata; specific subscriptions with quick handlers; services behind a typed key; and no
clean-up code for anything that went through the context.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from st.core import (
    DependencyError,
    EpochEnd,
    EpochStart,
    Event,
    Plugin,
    PluginCapability,
    PluginContext,
    PluginLoaded,
    PluginMetadata,
    Registry,
    ServiceKey,
    event,
)


@event
class Predicted(Event):
    """An event of this application's own: a typed class, shared by import."""

    row: int
    value: float


class LineModel:
    """A straight line through the origin, learning its slope."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.slope = 0.0

    def learn(self, x: float, y: float) -> float:
        """One step of gradient descent; gives the squared error before it."""
        error = self.slope * x - y
        self.slope -= self.rate * 2 * error * x
        return error**2


MODEL: ServiceKey[LineModel] = ServiceKey("demo.model", LineModel, version="1.0")


@dataclass(frozen=True)
class ModelSettings:
    """What can be set in a file, in the environment (ST_MODEL__RATE) or in code."""

    rate: float = 0.05


class ModelPlugin(Plugin):
    """Offers the model."""

    metadata = (
        PluginMetadata("model", "1.2.0", summary="A line.")
        .with_capability(PluginCapability.OPTIMIZERS)
        .with_service("demo.model>=1.0")
    )
    config_schema = ModelSettings

    def on_load(self, ctx: PluginContext) -> None:
        """Register the service; its factory runs when it is first asked for."""
        ctx.register_service(MODEL, factory=lambda: LineModel(ctx.get_config("rate")))


class TrainerPlugin(Plugin):
    """Trains at every epoch that starts."""

    metadata = PluginMetadata("trainer", "1.0").with_dependency("model", ">=1.2,<2")

    def on_load(self, ctx: PluginContext) -> None:
        """Use the service and publish results; no other plugin is known by name."""
        model = ctx.get_service(MODEL)

        def train(event: EpochStart) -> None:
            losses = [model.learn(x, 3 * x) for x in (1.0, 2.0)]
            ctx.publish(EpochEnd(event.epoch, sum(losses) / len(losses)))

        ctx.subscribe(EpochStart, train)


# A plugin in a file: loaded by path, exchanged while everything runs.
WATCHER = """
from st.core import EpochEnd, Plugin, PluginMetadata

class Watcher(Plugin):
    metadata = PluginMetadata("watcher", "{version}")

    def on_load(self, ctx):
        self.seen = 0
        ctx.subscribe(EpochEnd, self.watch)

    def watch(self, event):
        self.seen += 1
        print(f"  watcher {version}: {{self.seen}} epochs, loss {{event.loss:.4f}}")

    def export_state(self):
        return self.seen

    def import_state(self, seen):
        self.seen = seen
"""


def main() -> None:
    """Assemble, run, exchange, and take down."""
    with TemporaryDirectory() as folder, Registry(environ={}) as registry:
        registry.bus.subscribe(PluginLoaded, lambda event: print(f"loaded {event.plugin_id}"))
        registry.config.set("model", "rate", "0.1")
        registry.register(ModelPlugin)
        registry.register(TrainerPlugin)
        file = Path(folder, "watcher.py")
        file.write_text(WATCHER.format(version=1))
        registry.load_path(file)

        (found,) = registry.find_by_capability(PluginCapability.OPTIMIZERS)
        print(f"optimizers: {found.id}")
        for epoch in (1, 2):
            registry.bus.publish(EpochStart(epoch))

        file.write_text(WATCHER.format(version=2))
        registry.reload("watcher")
        registry.bus.publish(EpochStart(3))

        slope = registry.get_service(MODEL).slope
        with registry.bus.subscribe(Predicted, lambda event: print(f"predicted {event.value:.2f}")):
            registry.bus.publish(Predicted(row=0, value=slope * 10))

        try:
            registry.unregister("model")
        except DependencyError as error:
            print(error)
        print("unloaded", ", ".join(registry.unregister("model", dependents="cascade")))
        print(registry.explain("watcher").splitlines()[0].replace(str(file), "its file"))


if __name__ == "__main__":
    main()
