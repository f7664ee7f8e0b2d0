import json
from pathlib import Path
from typing import Any

import pytest

import st.nn
from st.core import (
    BackendChanged,
    EpochEnd,
    EpochStart,
    Plugin,
    PluginContext,
    PluginMetadata,
    Registry,
    RunFinished,
    RunStarted,
    Telemetry,
)
from st.core.panels import PANELS, Images, Matrix, Panel
from st.nn import files
from st.nn.experiment import train_experiment
from st.nn.run import RunDirectoryError


@pytest.fixture
def events(registry: Registry) -> list[Any]:
    heard: list[Any] = []
    kinds = (RunStarted, BackendChanged, EpochStart, Telemetry, EpochEnd, RunFinished)
    for kind in kinds:
        registry.bus.subscribe(kind, heard.append)
    return heard


def test_run_leaves_configuration_and_model(experiment: Path, registry: Registry) -> None:
    result = train_experiment(experiment, registry)

    assert result.directory.path == Path("runs/points-1")
    assert result.directory.contents() == ("config.json", "model/")
    config = json.loads(Path("runs/points-1/config.json").read_text("utf-8"))
    assert config["seed"] == 3
    assert config["backend"]["reason"] == "asked for by name"
    assert config["experiment"]["optimizer"] == {"type": "adam", "lr": 0.05}
    assert config["rows"] == {"learned": 48, "held_out": 16}
    assert {"python", "numpy", "st-core", "st-nn"} <= set(config["versions"])


def test_data_of_the_run_is_named_by_place_and_checksum(
    experiment: Path, registry: Registry
) -> None:
    config = train_experiment(experiment, registry).directory.read_config()

    assert config["experiment"]["data"]["path"] == str(experiment.with_name("points.csv"))
    assert len(config["experiment"]["data"]["sha256"]) == 64


def test_events_tell_the_run_in_order(
    experiment: Path, registry: Registry, events: list[Any]
) -> None:
    result = train_experiment(experiment, registry)

    names = [type(event).__name__ for event in events]
    assert names == [
        "RunStarted",
        "BackendChanged",
        *["EpochStart", "Telemetry", "EpochEnd"] * 4,
        "RunFinished",
    ]
    started, finished = events[0], events[-1]
    assert (started.run_id, started.directory, started.seed) == ("points-1", "runs/points-1", 3)
    json.dumps([started.config, started.versions, finished.summary])
    assert finished.status == "finished"
    assert finished.summary["held_out_accuracy"] == result.accuracy
    assert finished.summary["epochs"] == 4
    assert finished.summary["correct"] == result.evaluation.n_correct
    assert finished.summary["total"] == 16
    assert [event.epoch for event in events if isinstance(event, EpochEnd)] == [1, 2, 3, 4]
    told = next(event.data for event in events if isinstance(event, Telemetry))
    assert set(told) == {"epoch", "loss", "held_out_accuracy", "images_per_second"}


def test_saved_model_does_as_well_as_the_trained_one(experiment: Path, registry: Registry) -> None:
    result = train_experiment(experiment, registry)

    model = st.nn.load(result.directory.path, registry=registry)
    data = st.nn.read_csv("points.csv", "side", shape=(2, 2))
    _, held_out = data.split(0.25, seed=3)
    right = [model.classes[label] for label in held_out.y]
    n_correct = sum(a == b for a, b in zip(model.predict(held_out.x), right, strict=True))
    assert n_correct == result.evaluation.n_correct
    assert (model.name, model.config.epoch) == ("points", 4)


def test_experiment_may_be_plain_values(experiment: Path, registry: Registry) -> None:
    values = {
        "name": "inline",
        "seed": 1,
        "epochs": 1,
        "optimizer": {"type": "sgd", "lr": 0.1},
        "model": [{"type": "linear", "out_features": 2}],
        "data": {"source": "csv", "path": "points.csv", "target": "side"},
    }

    assert train_experiment(values, registry).directory.run_id == "inline-1"


def test_same_seed_gives_the_same_weights(experiment: Path, registry: Registry) -> None:
    first, second = (train_experiment(experiment, registry) for _ in range(2))

    weights = [run.directory.model / "weights.safetensors" for run in (first, second)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_interrupted_run_keeps_the_model_of_the_last_epoch(
    experiment: Path, registry: Registry, events: list[Any]
) -> None:
    def interrupt(event: EpochStart) -> None:
        if event.epoch == 3:
            raise KeyboardInterrupt

    registry.bus.subscribe(EpochStart, interrupt)

    with pytest.raises(KeyboardInterrupt):
        train_experiment(experiment, registry)

    assert (events[-1].status, events[-1].summary["epochs"]) == ("interrupted", 2)
    assert st.nn.load("runs/points-1", registry=registry).config.epoch == 2


def test_run_that_diverges_says_so_and_keeps_the_last_sound_model(
    experiment: Path, registry: Registry, events: list[Any]
) -> None:
    text = experiment.read_text("utf-8").replace('"adam", lr = 0.05', '"sgd", lr = 1e30')
    experiment.write_text(text, encoding="utf-8")

    with pytest.raises(
        ArithmeticError, match=r"the loss is .* in epoch 1, after 6 batches; a smaller lr than 1e"
    ):
        train_experiment(experiment, registry)

    assert events[-1].status == "failed"
    assert events[-1].summary["error"].startswith("the loss is ")
    assert not Path("runs/points-1/model").exists()


def test_full_disk_ends_the_run_with_one_error(
    experiment: Path, registry: Registry, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files._write_through

    def full(path: Path, data: bytes) -> None:
        if path.name == "weights.safetensors" and write.n_left == 0:
            raise OSError(28, "No space left on device")
        write.n_left -= path.name == "weights.safetensors"
        write(path, data)

    text = experiment.read_text("utf-8").replace("epochs = 4", "epochs = 4\ncheckpoint.every_s = 0")
    experiment.write_text(text, encoding="utf-8")
    write.n_left = 2  # type: ignore[attr-defined]
    monkeypatch.setattr(files, "_write_through", full)

    with pytest.raises(RunDirectoryError, match=r"cannot save the model .* No space left"):
        train_experiment(experiment, registry)

    assert (events[-1].status, events[-1].summary["epochs"]) == ("failed", 3)
    assert st.nn.load("runs/points-1", registry=registry).config.epoch == 2


class Reports(Plugin):
    metadata = PluginMetadata("reports", "1.0", provides=("report.panels",))

    def __init__(self) -> None:
        self.panels: list[tuple[str, Panel]] = []

    def on_load(self, ctx: PluginContext) -> None:
        ctx.register_service(PANELS, self)

    def add(self, run_id: str, panel: Panel) -> None:
        self.panels.append((run_id, panel))


def test_report_gets_confusion_and_mistakes(experiment: Path, registry: Registry) -> None:
    text = experiment.read_text("utf-8").replace("epochs = 4", "epochs = 1")
    experiment.write_text(text, encoding="utf-8")
    reports = Reports()
    registry.register(reports)

    result = train_experiment(experiment, registry)

    assert [run_id for run_id, _ in reports.panels] == ["points-1"] * len(reports.panels)
    confusion, mistakes = (panel.body for _, panel in reports.panels)
    assert isinstance(confusion, Matrix)
    assert sum(map(sum, confusion.values)) == 16
    assert sum(row[n] for n, row in enumerate(confusion.values)) == result.evaluation.n_correct
    assert isinstance(mistakes, Images)
    assert len(mistakes.images) == 16 - result.evaluation.n_correct
    assert set(mistakes.captions) <= {"over→under", "under→over"}
    assert all(0 <= value <= 1 for image in mistakes.images for row in image for value in row)


def test_output_directory_that_cannot_be_made_stops_before_training(
    experiment: Path, registry: Registry, events: list[Any]
) -> None:
    Path("runs").write_text("in the way")

    with pytest.raises(RunDirectoryError, match="cannot make a run directory in runs"):
        train_experiment(experiment, registry)

    assert events == []
