"""An experiment whose target is a number, from the file to the answer."""

import json
from pathlib import Path

import numpy as np
import pytest

import st.nn
from st.core import Plugin, PluginContext, PluginMetadata, Registry
from st.core.panels import PANELS, Panel, Table
from st.nn.experiment import train_experiment
from st.nn.faults import DescriptionError
from st.nn.saved import NoClassesError

TSV = "a\tb\tsum\n" + "".join(f"{a}\t{b}\t{2 * a - b}\n" for a in range(8) for b in range(8))


@pytest.fixture
def numbers(experiment: Path) -> Path:
    """Give an experiment that learns 2a - b from a file separated by tabs."""
    Path("points.tsv").write_text(TSV, encoding="utf-8")
    text = experiment.read_text("utf-8")
    for old, new in (
        ("points.csv", "points.tsv"),
        ('"side"', '"sum"\ntarget_is = "number"'),
        ("shape = [2, 2]\n", ""),
        ("epochs = 4", 'epochs = 60\nloss = { type = "mse" }'),
        ("out_features = 2 }", "out_features = 1 }"),
    ):
        assert old in text
        text = text.replace(old, new)
    experiment.write_text(text, encoding="utf-8")
    return experiment


def test_model_learns_the_numbers(numbers: Path, registry: Registry) -> None:
    result = train_experiment(numbers, registry)

    assert result.evaluation.metrics["r2"] > 0.9
    model = st.nn.load(result.directory.path, registry=registry)
    assert model(np.array([[3, 1]]))[0, 0] == pytest.approx(5, abs=1.5)
    told = json.loads((result.directory.model / "config.json").read_text("utf-8"))
    assert {"held_out_rmse", "held_out_r2"} <= set(told["metrics"])


def test_loss_of_mse_is_the_mean_of_squared_differences(numbers: Path, registry: Registry) -> None:
    # So small a rate that the weights stay as they are: the loss is that of the model saved.
    text = numbers.read_text("utf-8").replace("lr = 0.05", "lr = 1e-30")
    numbers.write_text(text.replace("epochs = 60", "epochs = 1"), encoding="utf-8")

    result = train_experiment(numbers, registry)

    data = st.nn.read_csv("points.tsv", "sum", target_is="number")
    learned, _ = data.split(0.25, seed=3)
    said = st.nn.load(result.directory.path, registry=registry)(learned.x).astype(np.float64)
    assert result.loss == pytest.approx(np.square(said - learned.y).mean(), rel=1e-5)


def test_classes_cannot_be_asked_for(numbers: Path, registry: Registry) -> None:
    run = train_experiment(numbers, registry).directory

    model = st.nn.load(run.path, registry=registry)

    for ask in (model.predict, model.probabilities):
        with pytest.raises(NoClassesError, match="gives numbers, not classes"):
            ask(np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param('"mse"', '"cross_entropy"', "a loss for numbers, such as mse", id="loss"),
        pytest.param("out_features = 1 }", "out_features = 2 }", "for each target", id="output"),
        pytest.param('"number"', '"class"', "one number for each class", id="classes"),
    ],
)
def test_model_loss_and_target_must_fit(
    numbers: Path, registry: Registry, old: str, new: str, message: str
) -> None:
    numbers.write_text(numbers.read_text("utf-8").replace(old, new), encoding="utf-8")

    with pytest.raises(DescriptionError, match=message):
        train_experiment(numbers, registry)


def test_target_that_is_no_number_is_named_by_line(numbers: Path, registry: Registry) -> None:
    Path("points.tsv").write_text(TSV.replace("0\t1\t-1", "0\t1\tfew"), encoding="utf-8")

    with pytest.raises(DescriptionError, match="line 3: column 'sum' is no number: 'few'"):
        train_experiment(numbers, registry)


class Reports(Plugin):
    metadata = PluginMetadata("reports", "1.0", provides=("report.panels",))

    def __init__(self) -> None:
        self.panels: list[Panel] = []

    def on_load(self, ctx: PluginContext) -> None:
        ctx.register_service(PANELS, self)

    def add(self, run_id: str, panel: Panel) -> None:
        self.panels.append(panel)


def test_report_gets_the_rows_furthest_off(numbers: Path, registry: Registry) -> None:
    reports = Reports()
    registry.register(reports)

    train_experiment(numbers, registry)

    (panel,) = reports.panels
    assert isinstance(panel.body, Table)
    distances = [abs(row[1] - row[2]) for row in panel.body.rows]  # type: ignore[operator]  # numbers
    assert distances == sorted(distances, reverse=True)
