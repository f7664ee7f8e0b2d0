"""Metrics in an experiment file: told while it trains, kept with the run, and asked again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import st.nn
from st.core import Registry, RunFinished, Telemetry
from st.nn import ops
from st.nn.discovery import MODULE_REGISTRY
from st.nn.experiment import train_experiment
from st.nn.experiment.run_data import data_of, judge_of
from st.nn.faults import DescriptionError
from st.nn.metadata import ModuleCategory, ModuleMetadata
from st.nn.metrics import Accuracy, Metric
from st.nn.tape import Tensor

METRICS = 'metrics = ["nats", { type = "top_k_accuracy", k = 2, name = "top2" }]\n'


def _with(experiment: Path, lines: str) -> Path:
    experiment.write_text(lines + experiment.read_text("utf-8"), encoding="utf-8")
    return experiment


def test_figures_are_told_and_kept(experiment: Path, registry: Registry) -> None:
    told: list[dict[str, float]] = []
    ended: list[RunFinished] = []
    registry.bus.subscribe(Telemetry, lambda event: told.append(dict(event.data)))
    registry.bus.subscribe(RunFinished, ended.append)

    result = train_experiment(_with(experiment, METRICS), registry)

    _, _, held_out = data_of(result.directory, registry)
    shares = st.nn.load(result.directory.path, registry=registry).probabilities(held_out.x)
    nats = -np.log(shares[np.arange(len(held_out)), held_out.y].astype(np.float64)).mean()
    assert told[-1]["held_out_nats"] == pytest.approx(nats, rel=1e-5)
    assert told[-1]["held_out_top2"] == 1.0  # there are two classes
    assert result.evaluation.metrics["nats"] == told[-1]["held_out_nats"]
    assert ended[0].summary["held_out_nats"] == told[-1]["held_out_nats"]
    kept = json.loads((result.directory.model / "config.json").read_text("utf-8"))["metrics"]
    assert kept["held_out_nats"] == told[-1]["held_out_nats"]


def test_finished_run_is_judged_by_the_same_metrics(experiment: Path, registry: Registry) -> None:
    result = train_experiment(_with(experiment, METRICS), registry)
    model = st.nn.load(result.directory.path, registry=registry)
    _, _, held_out = data_of(result.directory, registry)

    judge = judge_of(result.directory, model, registry)
    judge(held_out.x, held_out.y)

    assert judge.read() == {
        name: pytest.approx(result.evaluation.metrics[name]) for name in ("nats", "top2")
    }


class Wrong(Accuracy, frozen=True):
    """The share that is wrong."""

    higher_is_better = False

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return (ops.compare(ops.argmax(prediction), target, "ne"),)


class WrongIsGood(Wrong, frozen=True):
    higher_is_better = True


@pytest.mark.parametrize(("metric", "best"), [(Wrong, min), (WrongIsGood, max)])
def test_way_up_of_a_metric_decides_the_best_epoch(
    experiment: Path,
    registry: Registry,
    metric: type[Metric],
    best: Callable[..., float],
) -> None:
    told: list[float] = []
    registry.bus.subscribe(Telemetry, lambda event: told.append(event.data["held_out_wrong"]))
    modules = registry.get_service(MODULE_REGISTRY)
    metadata = ModuleMetadata("wrong", category=ModuleCategory.METRIC)
    modules.register(metadata, metric)
    lines = 'metrics = ["wrong"]\ncheckpoint = { best = "held_out_wrong" }\n'

    run = train_experiment(_with(experiment, lines), registry).directory

    kept = json.loads((run.checkpoints / "best/config.json").read_text("utf-8"))
    assert kept["epoch"] == told.index(best(told)) + 1


def test_metrics_may_change_in_a_run_that_goes_on(experiment: Path, registry: Registry) -> None:
    run = train_experiment(experiment, registry).directory

    again = train_experiment(_with(experiment, METRICS), registry, resume=True)

    assert again.directory.path == run.path
    assert "nats" in again.evaluation.metrics


@pytest.mark.parametrize(
    ("line", "path", "message"),
    [
        pytest.param('metrics = ["nat"]', ("metrics", 0), "nearest: nats", id="unknown"),
        pytest.param(
            'metrics = [{ type = "top_k_accuracy" }]', ("metrics", 0, "k"), "k: ", id="no k"
        ),
        pytest.param(
            'metrics = ["f1", { type = "nats", name = "f1" }]',
            ("metrics", 1, "name"),
            "that no other metric has",
            id="twice",
        ),
        pytest.param(
            'metrics = [{ type = "f1", name = "a b" }]',
            ("metrics", 0, "name"),
            "letters",
            id="name",
        ),
        pytest.param(
            'metrics = ["mean_absolute_error"]', ("metrics", 0), "a metric of classes", id="numbers"
        ),
        pytest.param('metrics = ["relu"]', ("metrics", 0), "of category Metric", id="no metric"),
        pytest.param("metrics = [1]", ("metrics",), "metrics: ", id="a number"),
        pytest.param(
            'early_stopping = { patience = 1, metric = "held_out_acuracy" }',
            ("early_stopping", "metric"),
            "nearest: held_out_accuracy",
            id="stopping",
        ),
        pytest.param(
            'checkpoint = { best = "held_out_f1" }',
            ("checkpoint", "best"),
            "a figure that is told: loss, held_out_accuracy",
            id="best",
        ),
    ],
)
def test_faults_are_told_with_their_place(
    experiment: Path, registry: Registry, line: str, path: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(DescriptionError, match=message) as caught:
        train_experiment(_with(experiment, f"{line}\n"), registry)

    (fault,) = caught.value.faults
    assert (fault.path, fault.line) == (path, 1)
