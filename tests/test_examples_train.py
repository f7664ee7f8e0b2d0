"""The example experiments learn what their documentation says, on three seeds each."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest
from safetensors.numpy import load_file

from st.core import Registry
from st.nn import load
from st.nn.experiment import check_experiment, read_document

RunSt = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent
SEEDS = (7, 8, 9)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory with the examples in `docs/examples`, as in the repository."""
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    return tmp_path


def figure(st: RunSt, place: Path, example: str, seed: int, name: str) -> float:
    """Train an example and return a figure of its last epoch."""
    came = st("train", f"docs/examples/{example}", "--set", f"seed={seed}", cwd=place)
    assert came.returncode == 0, came.stderr
    model = max((place / "runs").glob("*/model/config.json"), key=lambda path: path.stat().st_mtime)
    return float(json.loads(model.read_text(encoding="utf-8"))["metrics"][name])


@pytest.mark.slow  # five seconds a seed
def test_convolutions_are_right_in_985_of_1000_digits(st: RunSt, place: Path) -> None:
    shares = [figure(st, place, "digits_cnn.toml", seed, "held_out_accuracy") for seed in SEEDS]

    assert mean(shares) >= 0.985


def test_digits_are_held_out_as_in_the_other_example() -> None:
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        rows = [
            check_experiment(read_document(ROOT / "docs/examples" / name), registry).held_out.rows
            for name in ("digits.toml", "digits_cnn.toml")
        ]

    assert rows[0].tolist() == rows[1].tolist()


def test_alcohol_of_wine_is_told_in_percent(st: RunSt, place: Path) -> None:
    shares = [figure(st, place, "wine.toml", seed, "held_out_r2") for seed in SEEDS]
    told = json.loads(st("evaluate", "runs/wine-3", "--json", cwd=place).stdout)
    said = json.loads(st("predict", "runs/wine-3", "--row", "3", "--json", cwd=place).stdout)

    # A plane fitted by least squares explains half of the variance of rows held out as well.
    assert mean(shares) >= 0.4
    # The spread of alcohol is 0.81 percent; of anything scaled it would be another.
    assert 0.3 < told["metrics"]["mean_absolute_error"] < told["metrics"]["rmse"] < 0.81
    assert said["truth"] == pytest.approx(13.16)
    assert 11 < said["answer"] < 15


def test_training_plugin_keeps_the_best_epoch_and_lowers_the_rate(st: RunSt, place: Path) -> None:
    came = st(
        *("train", "docs/examples/digits.toml", "--plugin", "docs/examples/plateau.py"),
        *("--set", "optimizer.lr=0.05", "--set", "epochs=8", "--backend", "numpy"),
        cwd=place,
    )

    assert came.returncode == 0, came.stderr
    n_halved = came.stdout.count("rate halved to")
    state = load_file(place / "runs/digits-1/model/state.safetensors")
    assert n_halved >= 1
    assert float(state["trainer.learning_rate"]) == 0.05 / 2**n_halved
    told = json.loads((place / "runs/digits-1/model/config.json").read_text(encoding="utf-8"))
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        kept = load(place / "runs/digits-1/plateau/best", registry=registry)
    assert kept.config.epoch == told["best"]["loss"]["epoch"]
    assert kept.classes == tuple("0123456789")
