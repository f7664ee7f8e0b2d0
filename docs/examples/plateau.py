"""A training plugin: keeps the best epoch, and halves the learning rate where the loss stays.

    st train docs/examples/digits.toml --plugin docs/examples/plateau.py

What it keeps lies in the run's directory below the plugin's id, and is a model like the run's own:
`st.nn.load("runs/digits-1/plateau/best")`. A schedule in the experiment file would set the rate
anew before every step; use the one or the other.
"""

from pathlib import Path

from st.core import EpochEnd, Plugin, PluginContext, PluginMetadata, RunStarted
from st.nn import FitStarted
from st.nn.checkpoint import Checkpoint, save_checkpoint


class Plateau(Plugin):
    """Listens to the run, to the trainer that fits, and to every epoch's end."""

    metadata = PluginMetadata("plateau", "1.0")

    def on_load(self, ctx: PluginContext) -> None:
        """Listen."""
        self.best = float("inf")
        ctx.subscribe(RunStarted, self.on_run)
        ctx.subscribe(FitStarted, self.on_fit)
        ctx.subscribe(EpochEnd, self.on_epoch_end)

    def on_run(self, event: RunStarted) -> None:
        """Note where to write, and what the model is."""
        self.folder = Path(event.directory) / "plateau" / "best"
        self.described = {
            "name": event.config["name"],
            "model": event.config["model"],
            "scale": event.config["data"].get("scale", 1.0),
        }

    def on_fit(self, event: FitStarted) -> None:
        """Note who trains, and on what."""
        self.trainer = event.trainer
        self.described["input"] = list(event.data.input_shape)
        self.described["classes"] = list(event.data.classes)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Keep the epoch if it is better than all before, else halve the rate."""
        trainer = self.trainer
        if event.loss < self.best:
            self.best = event.loss
            config = {**self.described, "epoch": event.epoch}
            save_checkpoint(self.folder, Checkpoint(config, trainer.parameters(), trainer.state()))
        else:
            trainer.step.learning_rate /= 2
            print(f"epoch {event.epoch}: rate halved to {trainer.step.learning_rate:g}")
