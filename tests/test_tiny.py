"""Does the whole work at all: one tiny table through the whole chain, in seconds."""

import json
import math
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunSt = Callable[..., subprocess.CompletedProcess[str]]

# One batch is all there is to learn from, so that an epoch is a step and ten losses are ten steps.
EXPERIMENT = """\
seed = 3
epochs = 10
batch_size = 48
optimizer = { type = "adam", lr = 0.02 }
model = [
  { type = "linear", out_features = 8 },
  { type = "relu" },
  { type = "linear", out_features = 2 },
]

[data]
source = "csv"
path = "tiny.csv"
target = "side"
held_out = 0.2
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Write sixty points on two sides of a line, and the experiment that learns the sides."""
    points = random.Random(1)
    rows = ["across,up,side"]
    for _ in range(60):
        across, up = points.uniform(-1, 1), points.uniform(-1, 1)
        rows.append(f"{across:.4f},{up:.4f},{int(across > up)}")
    (tmp_path / "tiny.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    file = tmp_path / "tiny.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    return file


def events(run: Path) -> list[dict[str, Any]]:
    lines = (run / "monitor" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def losses(run: Path) -> list[float]:
    return [e["fields"]["loss"] for e in events(run) if e["event"] == "EpochEnd"]


def test_trains_reports_and_predicts(st: RunSt, experiment: Path, tmp_path: Path) -> None:
    trained = st("train", experiment, "--backend", "numpy")
    predicted = st("predict", "runs/tiny-1", "--row", "3", "--json")

    assert trained.returncode == 0, trained.stderr
    assert predicted.returncode == 0, predicted.stderr
    assert (tmp_path / "runs/tiny-1/monitor/report.html").is_file()
    assert (tmp_path / "runs/tiny-1/model/weights.safetensors").is_file()
    assert json.loads(predicted.stdout)


def test_first_ten_losses_are_the_same_on_every_backend(
    st: RunSt, experiment: Path, tmp_path: Path
) -> None:
    on_numpy = st("train", experiment, "--backend", "numpy")
    on_opencl = st("train", experiment, "--backend", "opencl")

    assert (on_numpy.returncode, on_opencl.returncode) == (0, 0), on_opencl.stderr
    expected = losses(tmp_path / "runs/tiny-1")
    assert len(expected) == 10
    assert losses(tmp_path / "runs/tiny-2") == pytest.approx(expected, abs=1e-4)


def test_learns_more_than_guessing(st: RunSt, experiment: Path, tmp_path: Path) -> None:
    st("train", experiment, "--backend", "numpy")

    # Who only guesses between two sides has a loss of ln 2.
    *_, last = losses(tmp_path / "runs/tiny-1")
    assert last < 0.8 * math.log(2)
