"""From a checked experiment to a run directory with a trained model."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from st.core import BackendChanged, EpochEnd, Registry, RunFinished, RunStarted, Telemetry
from st.core.panels import PANELS
from st.nn.backends import BackendChoice, choose_backend
from st.nn.discovery import MODULE_REGISTRY
from st.nn.evaluation import Evaluation
from st.nn.experiment.causality import causality_faults
from st.nn.experiment.check import CheckedExperiment, check_experiment
from st.nn.experiment.document import Document
from st.nn.experiment.holding import held
from st.nn.experiment.panels import add_panels
from st.nn.experiment.recipes import names_of, plugins_of, recipe_of
from st.nn.experiment.resuming import compare, described, fingerprint, restore
from st.nn.experiment.schema import CheckpointOptions, StoppingOptions
from st.nn.faults import DescriptionError
from st.nn.keeper import CheckpointKeeper
from st.nn.records import Records
from st.nn.run import RunDirectory, RunDirectoryError, create_run, latest_run
from st.nn.step import TrainingStep
from st.nn.stopping import EarlyStopping
from st.nn.train import BatchesDone, Trainer


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
        self,
        checked: CheckedExperiment,
        choice: BackendChoice,
        registry: Registry,
        *,
        resume: RunDirectory | None = None,
    ) -> None:
        """Load the plugins of the modules, and record, bind and check the step.

        Args:
            checked: What to run.
            choice: Where it is computed.
            registry: Whose plugins take part.
            resume: Go on with the run in this directory, from its last checkpoint.

        Raises:
            DescriptionError: A language model sees what it is to tell.
            ResumeError: The run to resume had other data, another experiment or backend.
            CheckpointError: Its checkpoint is damaged.
            PluginError: A plugin that contributes a module cannot be loaded.
            PlanMismatchError: The backend computes something else than the eager tape.
            BackendError: The backend cannot run the step.
        """
        self.checked = checked
        self.choice = choice
        self.registry = registry
        self.model = checked.pipeline.build()
        discovery = registry.get_service(MODULE_REGISTRY)
        for name in names_of(checked.config):
            discovery.activate(name)
        self.trainer = Trainer(
            self.model,
            loss=checked.loss,
            optimizer=checked.optimizer,
            schedule=checked.schedule,
            metrics=checked.metrics,
            backend=choice.backend,
            bus=registry.bus,
            batch_size=checked.config.batch_size,
            prefetch=checked.config.prefetch,
            seed=checked.config.seed,
        )
        self.records = Records(
            {f"held_out_{name}": m.higher_is_better for name, m in checked.metrics.items()}
        )
        self._resumed: Mapping[str, Any] | None = None
        if resume is not None:
            self._resumed = resume.read_config()
            compare(resume, self._resumed, self._described(), type(checked.source), choice)
        self.trainer.prepare(checked.learned)
        faults = causality_faults(self.trainer, checked.learned)
        if faults:
            document = checked.document
            raise DescriptionError(document.source, list(map(document.located, faults)))
        if resume is not None:
            restore(resume, checked, self.trainer, self.records)
        self.directory = resume
        """Where the run writes; made by `run` unless it resumes one."""
        self.keeper: CheckpointKeeper | None = None
        """Who saves; made by `run`."""

    @property
    def step(self) -> TrainingStep:
        """The recorded step."""
        return self.trainer.step

    def run(self) -> RunResult:
        """Train, keeping what is reached on disk; publish how it goes.

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
        directory = self.directory = self.directory or create_run(Path(config.output), config.name)
        directory.write_config(self._stored())
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
        started = time.perf_counter()
        result: RunResult | None = None
        try:
            with held(
                self.registry,
                directory.run_id,
                plugins_of(self.checked, self.choice, self.registry),
                changed=lambda: self.trainer.renew(
                    lambda: recipe_of(self.checked, self.choice, self.registry)
                ),
                gone=self.trainer.stop,
            ):
                self._train(directory)
            result = self._result(directory, time.perf_counter() - started)
            if reports is not None:
                add_panels(reports, directory.run_id, self.checked.held_out, result.evaluation)
            return result
        finally:
            summary = self._summary(result, time.perf_counter() - started, sys.exception())
            bus.publish(RunFinished(directory.run_id, _status(sys.exception()), summary))

    def _train(self, directory: RunDirectory) -> None:
        """Fit while all who take part listen; whatever ends it, the last epoch is saved."""
        config, bus = self.checked.config, self.registry.bus
        trainer, records = self.trainer, self.records
        options = msgspec.convert(config.checkpoint, CheckpointOptions)
        keeper = self.keeper = CheckpointKeeper(
            trainer, directory, records, self._model_config, **msgspec.structs.asdict(options)
        )
        n_epochs = config.epochs - trainer.epoch
        with ExitStack() as stack:
            stack.enter_context(bus.subscribe(Telemetry, records.on_telemetry))
            stack.enter_context(bus.subscribe(EpochEnd, keeper.on_epoch_end))
            stack.enter_context(bus.subscribe(BatchesDone, keeper.on_batches_done))
            if config.early_stopping is not None:
                stopping = EarlyStopping(
                    trainer,
                    records,
                    **msgspec.structs.asdict(
                        msgspec.convert(config.early_stopping, StoppingOptions)
                    ),
                )
                stack.enter_context(bus.subscribe(EpochEnd, stopping.on_epoch_end))
                n_epochs = 0 if stopping.is_over else n_epochs
            try:
                trainer.fit(
                    self.checked.learned, epochs=max(n_epochs, 0), held_out=self.checked.held_out
                )
            finally:
                _finish(keeper, directory)

    def _result(self, directory: RunDirectory, seconds: float) -> RunResult:
        latest = self.records.latest
        return RunResult(
            directory,
            self.trainer.evaluate(self.checked.held_out),
            latest["loss"],
            seconds,
            latest["images_per_second"],
        )

    def _summary(
        self, result: RunResult | None, seconds: float, error: BaseException | None
    ) -> dict[str, Any]:
        told: dict[str, Any] = {
            **self.records.latest,
            "epochs": self.trainer.epoch,
            "seconds": seconds,
        }
        if result is not None:
            told["total"] = len(result.evaluation.predicted)
            if self.checked.held_out.classes:
                told["correct"] = result.evaluation.n_correct
        if _status(error) == "failed":
            told["error"] = str(error) or type(error).__name__
        return told

    def _model_config(self) -> dict[str, Any]:
        """Return what is to be known of the model beside its figures."""
        return {
            **self.checked.pipeline.to_config(),
            "classes": list(self.checked.learned.classes),
            "is_text": self.checked.learned.is_text,
            "scale": self.checked.learned.scale,
            "versions": dict(versions(self.registry)),
        }

    def _stored(self) -> dict[str, Any]:
        """Return what the run's directory says of it; a resumed one keeps when it was started."""
        values = self._described()
        if self._resumed is None:
            return values
        again = {"at": values["started"], "epoch": self.trainer.epoch}
        earlier = self._resumed.get("resumed", [])
        return {**values, "started": self._resumed["started"], "resumed": [*earlier, again]}

    def _described(self) -> dict[str, Any]:
        checked = self.checked
        values = msgspec.to_builtins(checked.config)
        values["data"] = msgspec.to_builtins(checked.source.located(checked.document.folder))
        if "sha256" in values["data"]:
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
            "data": msgspec.to_builtins(fingerprint(checked.learned, checked.held_out)),
            "rows": {"learned": len(checked.learned), "held_out": len(checked.held_out)},
            "versions": versions(self.registry),
        }


def _finish(keeper: CheckpointKeeper, directory: RunDirectory) -> None:
    try:
        keeper.finish()
    except OSError as error:
        keeper.error = error
    if keeper.error is not None:
        reason = keeper.error.strerror or keeper.error
        raise RunDirectoryError(f"cannot save the model in {directory.path}: {reason}") from None


def _status(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def train_experiment(
    experiment: str | Path | Mapping[str, Any],
    registry: Registry,
    *,
    backend: str | None = None,
    resume: bool = False,
) -> RunResult:
    """Train what a file, or a mapping of the same form, describes.

    Args:
        experiment: Path of a TOML file, or its values; paths in these are relative to the
            working directory. With `resume` it may be a run directory.
        registry: Where modules and backends are found, and whose bus is told.
        backend: Overrules the experiment's backend where it is given.
        resume: Go on with the last run of the experiment; a new one begins where there is none.

    Raises:
        ExperimentFileError: The file cannot be read.
        DescriptionError: The experiment has faults; all of them are told.
        BackendNotFoundError, BackendUnusableError: The backend cannot be had.
        ResumeError: Data, experiment or backend are not those of the run to resume.
        CheckpointError: The checkpoint to resume from is damaged.
        RunDirectoryError: The output directory cannot be written to.
    """
    if isinstance(experiment, Mapping):
        document, directory = Document("experiment", experiment), None
    else:
        document, directory = described(Path(experiment), resume=resume)
    checked = check_experiment(document, registry, backend=backend)
    if resume and directory is None:
        directory = latest_run(Path(checked.config.output), checked.config.name)
    choice = choose_backend(registry, checked.config.backend)
    return ExperimentRun(checked, choice, registry, resume=directory).run()


def versions(registry: Registry) -> dict[str, str]:
    """Return the versions of Python and of every distribution that takes part, by name."""
    names = {"st-core", "st-nn", "numpy"}
    names |= {handle.distribution for handle in registry.list() if handle.plugin is not None}
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in sorted(names) if name},
    }
