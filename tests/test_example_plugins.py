"""The example package st-snake: what a stranger adds is used like what is built in.

It goes into an environment of its own with our distributions beside it, as in `test_scaffold.py`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
SNAKE = ROOT / "docs/examples/plugins/st-snake"
TIMEOUT_S = 300.0
NAMES = {"snake", "siren", "focal", "lion"}

EXPERIMENT = """\
seed = 7
epochs = 2
optimizer = { type = "lion", lr = 0.0005 }
loss = { type = "focal", gamma = 2 }
model = [
  { type = "flatten" },
  { type = "siren", out_features = 64, omega = 1.0 },
  { type = "residual", modules = [
    { type = "linear", out_features = 64 },
    { type = "snake", frequency = 2.0 },
  ] },
  { type = "linear", out_features = 10 },
]

[data]
source = "csv"
path = "digits.csv.gz"
target = "digit"
shape = [8, 8]
scale = 0.0625
"""

LOAD = """\
import numpy as np
import st.nn
model = st.nn.load("runs/snake-1")
print(*(layer.module_type for layer in model.model.layers), *model(np.zeros((2, 64))).shape)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the package, the digits, and an experiment that names it."""
    directory = tmp_path_factory.mktemp("examples")
    shutil.copytree(SNAKE, directory / "st-snake")
    shutil.copy(ROOT / "docs/examples/digits.csv.gz", directory)
    (directory / "snake.toml").write_text(EXPERIMENT, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def run(place: Path, environment_with: Callable[..., Run]) -> Run:
    """Give a function that runs a script of an environment with the package in it."""
    return environment_with(place, place / "st-snake")


def test_package_passes_its_own_tests(run: Run) -> None:
    came = run("python", "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "st-snake")

    assert came.returncode == 0, came.stdout
    assert " passed" in came.stdout


def test_all_four_are_listed_and_stand_in_the_schema(run: Run) -> None:
    listed = {
        module["name"]: module for module in json.loads(run("st", "modules", "--json").stdout)
    }
    schema = run("st", "modules", "schema").stdout

    assert set(listed) >= NAMES
    assert {listed[name]["distribution"] for name in NAMES} == {"st-snake"}
    assert [name for name in NAMES if f'"const": "{name}"' not in schema] == []


def test_faults_in_them_are_told_like_ours(run: Run, place: Path) -> None:
    faulty = EXPERIMENT.replace("gamma = 2", "gama = 2").replace("2.0", '"two"')
    faulty = faulty.replace("lr = 0.0005", "lr = -1").replace('"siren"', '"sirene"')
    (place / "faulty.toml").write_text(faulty, encoding="utf-8")

    came = run("st", "check", "faulty.toml", "--json")

    assert came.returncode == 2
    told = [(f["line"], f["path"][-1], f["nearest"]) for f in json.loads(came.stdout)["faults"]]
    assert told == [
        (3, "lr", ""),
        (4, "gama", "gamma"),
        (7, "type", "siren"),
        (10, "frequency", ""),
    ]


def test_experiment_with_them_is_checked_trained_saved_and_loaded(run: Run) -> None:
    checked = run("st", "check", "snake.toml")
    trained = run("st", "train", "snake.toml")
    predicted = run("st", "predict", "runs/snake-1", "--row", "3", "--json")
    loaded = run("python", "-c", LOAD)

    for came in (checked, trained, predicted, loaded):
        assert came.returncode == 0, came.stderr
    assert "snake" in checked.stdout
    assert "checked against eager" in trained.stdout
    assert json.loads(predicted.stdout)["row"] == 3
    assert loaded.stdout.split() == ["flatten", "siren", "residual", "linear", "2", "10"]
