"""Training from the outside: learning rate, early stopping and a log, each a subscriber.

    python docs/examples/ecosystem/training_plugin.py

prints

    epoch 1: loss 1.000, lr 0.0010
    epoch 2: loss 0.500, lr 0.0010
    epoch 3: loss 0.450, lr 0.0005
    epoch 4: loss 0.445, lr 0.0005
    stopped after epoch 4
"""

from dataclasses import dataclass

from st.core import EpochEnd, Plugin, PluginContext, PluginEvent, PluginMetadata, Registry


@dataclass(frozen=True)
class Settings:
    """The plugin's configuration: types, defaults, and nothing else to write."""

    learning_rate: float = 0.001
    patience: float = 0.01  # stop when an epoch gains less


class TrainingPlugin(Plugin):
    """Halves the learning rate when progress slows, and asks for the end when it stops."""

    metadata = PluginMetadata("training", "1.0")
    config_schema = Settings

    def on_load(self, ctx: PluginContext) -> None:
        """Read the configuration and listen."""
        self.ctx = ctx
        self.best = float("inf")
        ctx.subscribe(EpochEnd, self.after_epoch)

    def after_epoch(self, event: EpochEnd) -> None:
        """Judge one epoch; whatever this raises does not reach the trainer."""
        gained = self.best - event.loss
        if gained < 0.1:
            rate = self.ctx.get_config("learning_rate")
            self.ctx.set_config("learning_rate", max(rate / 2, 0.0005))
        rate = self.ctx.get_config("learning_rate")
        print(f"epoch {event.epoch}: loss {event.loss:.3f}, lr {rate:.4f}")
        if gained < self.ctx.get_config("patience"):
            self.ctx.publish(PluginEvent.custom("StopRequested", event.epoch))
        self.best = min(self.best, event.loss)


def main() -> None:
    """A trainer that knows nothing of the plugin but the event it listens to itself."""
    stopped: list[int] = []
    with Registry(environ={}) as registry:
        registry.register(TrainingPlugin)
        registry.bus.subscribe("StopRequested", lambda event: stopped.append(event.data))
        for epoch, loss in enumerate((1.0, 0.5, 0.45, 0.445, 0.2), start=1):
            registry.bus.publish(EpochEnd(epoch, loss))
            if stopped:
                print(f"stopped after epoch {stopped[0]}")
                break


if __name__ == "__main__":
    main()
