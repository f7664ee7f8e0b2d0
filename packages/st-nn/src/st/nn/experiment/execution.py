"""From a checked experiment to a run directory with a trained model."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from st.core import BackendChanged, EpochEnd, Registry, RunFinished, RunStarted, Telemetry
from st.core.panels import PANELS
from st.nn.backends import BackendChoice, choose_backend
from st.nn.checkpoint import Checkpoint, save_checkpoint
from st.nn.discovery import MODULE_REGISTRY
from st.nn.experiment.check import CheckedExperiment, check_experiment
from st.nn.experiment.document import Document, read_document
from st.nn.experiment.panels import add_panels
from st.nn.run import RunDirectory, RunDirectoryError, create_run
from st.nn.train import Evaluation, Trainer


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        directory: Where everything is.
        evaluation: How the model does on the rows held out.
        loss: The mean loss of the last epoch.
        seconds: How long the training took.
        images_per_second: How fast the last epoch was learned from.
    """

    directory: RunDirectory
    evaluation: Evaluation
    loss: float
    seconds: float
    images_per_second: float

    @property
    def accuracy(self) -> float:
        """The share of the rows held out that the model gets right, 0 to 1."""
        return self.evaluation.accuracy


class ExperimentRun:
    """One run of an experiment: made ready, then run once."""

    def __init__(
        self, checked: CheckedExperiment, choice: BackendChoice, registry: Registry
    ) -> None:
        """Load the plugins of the modules, and record, bind and check the step.

        Raises:
            PluginError: A plugin that contributes a module cannot be loaded.
            PlanMismatchError: The backend computes something else than the eager tape.
            BackendError: The backend cannot run the step.
        """
        self.checked = checked
        self.choice = choice
        self.registry = registry
        self.model = checked.pipeline.build()
        discovery = registry.get_service(MODULE_REGISTRY)
        for described in (checked.config.loss, checked.config.optimizer):
            discovery.activate(described["type"])
        self.trainer = Trainer(
            self.model,
            loss=checked.loss,
            optimizer=checked.optimizer,
            backend=choice.backend,
            bus=registry.bus,
            batch_size=checked.config.batch_size,
            seed=checked.config.seed,
        )
        self.step = self.trainer.prepare(checked.learned)
        self.directory: RunDirectory | None = None
        """Where the run writes; made by `run`."""

    def run(self) -> RunResult:
        """Train, saving the model after every epoch; publish how it goes.

        RunFinished is published in any case, with status ``finished``, ``interrupted`` on
        Ctrl-C, or ``failed``.

        Raises:
            RunDirectoryError: The output directory cannot be made or written to.
            TrainingDivergedError: The loss is no number any more.
            KeyboardInterrupt: Ctrl-C; the model of the last epoch that ended is on disk.
        """
        config = self.checked.config
        # Asked for before RunStarted, so that whoever makes the report hears of the run.
        reports = self.registry.get_service(PANELS, default=None)
        directory = self.directory = create_run(Path(config.output), config.name)
        directory.write_config(self._described())
        watch = _Watch(self, directory)
        bus = self.registry.bus
        bus.publish(
            RunStarted(
                directory.run_id,
                str(directory.path),
                msgspec.to_builtins(config),
                versions(self.registry),
                config.seed,
            )
        )
        bus.publish(BackendChanged(self.choice.name, self.choice.reason))
        try:
            with (
                bus.subscribe(Telemetry, watch.on_telemetry),
                bus.subscribe(EpochEnd, watch.on_epoch_end),
            ):
                self.trainer.fit(
                    self.checked.learned, epochs=config.epochs, held_out=self.checked.held_out
                )
            if watch.error is not None:
                raise watch.error
            result = watch.result()
            if reports is not None:
                add_panels(reports, directory.run_id, self.checked.held_out, result.evaluation)
            return result
        finally:
            error = sys.exception()
            bus.publish(RunFinished(directory.run_id, _status(error), watch.summary(error)))

    def _described(self) -> dict[str, Any]:
        checked = self.checked
        values = msgspec.to_builtins(checked.config)
        values["data"] = msgspec.to_builtins(checked.source)
        values["data"]["path"] = str((checked.document.folder / checked.source.path).resolve())
        values["data"]["sha256"] = checked.learned.digest
        return {
            "experiment": values,
            "file": checked.document.source,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": checked.config.seed,
            "backend": {
                "name": self.choice.name,
                "description": self.choice.backend.description,
                "reason": self.choice.reason,
            },
            "rows": {"learned": len(checked.learned), "held_out": len(checked.held_out)},
            "versions": versions(self.registry),
        }


class _Watch:
    """Listens to the trainer: saves the model after every epoch, and remembers how it went."""

    def __init__(self, run: ExperimentRun, directory: RunDirectory) -> None:
        self.run = run
        self.directory = directory
        self.latest: Mapping[str, float] = {}
        self.started = time.perf_counter()
        self.seconds = 0.0
        self.error: RunDirectoryError | None = None
        self.evaluation: Evaluation | None = None

    def on_telemetry(self, event: Telemetry) -> None:
        if "held_out_accuracy" in event.data:
            self.latest = event.data

    def on_epoch_end(self, event: EpochEnd) -> None:
        try:
            self.save(event.epoch)
        except OSError as error:
            # A listener's failure stops nobody, and training on without saving helps nobody.
            self.error = RunDirectoryError(
                f"cannot save the model in {self.directory.path}: {error.strerror or error}"
            )
            self.run.trainer.stop()
        self.seconds = time.perf_counter() - self.started

    def save(self, epoch: int) -> None:
        checked, trainer = self.run.checked, self.run.trainer
        config = {
            **checked.pipeline.to_config(),
            "classes": list(checked.learned.classes),
            "scale": checked.source.scale,
            "epoch": epoch,
            "metrics": dict(self.latest),
            "versions": dict(versions(self.run.registry)),
        }
        save_checkpoint(
            self.directory.model, Checkpoint(config, trainer.parameters(), trainer.state())
        )

    def result(self) -> RunResult:
        self.evaluation = self.run.trainer.evaluate(self.run.checked.held_out)
        return RunResult(
            self.directory,
            self.evaluation,
            self.latest["loss"],
            self.seconds,
            self.latest["images_per_second"],
        )

    def summary(self, error: BaseException | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            **self.latest,
            "epochs": self.run.trainer.epoch,
            "seconds": self.seconds,
        }
        if self.evaluation is not None:
            told["correct"] = self.evaluation.n_correct
            told["total"] = len(self.evaluation.predicted)
        if _status(error) == "failed":
            told["error"] = str(error) or type(error).__name__
        return told


def _status(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def train_experiment(
    experiment: str | Path | Mapping[str, Any], registry: Registry, *, backend: str | None = None
) -> RunResult:
    """Train what a file, or a mapping of the same form, describes.

    Args:
        experiment: Path of a TOML file, or its values; paths in these are relative to the
            working directory.
        registry: Where modules and backends are found, and whose bus is told.
        backend: Overrules the experiment's backend where it is given.

    Raises:
        ExperimentFileError: The file cannot be read.
        DescriptionError: The experiment has faults; all of them are told.
        BackendNotFoundError, BackendUnusableError: The backend cannot be had.
        RunDirectoryError: The output directory cannot be written to.
    """
    if isinstance(experiment, Mapping):
        document = Document("experiment", experiment)
    else:
        document = read_document(Path(experiment))
    checked = check_experiment(document, registry, backend=backend)
    choice = choose_backend(registry, checked.config.backend)
    return ExperimentRun(checked, choice, registry).run()


def versions(registry: Registry) -> dict[str, str]:
    """Return the versions of Python and of every distribution that takes part, by name."""
    names = {"st-core", "st-nn", "numpy"}
    names |= {handle.distribution for handle in registry.list() if handle.plugin is not None}
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in sorted(names) if name},
    }
