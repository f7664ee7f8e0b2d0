"""The example package st-within: a stranger's metric is told, and decides which epoch is best.

It goes into an environment of its own with our distributions beside it.
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
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the package, the wines, and their experiment judged by its metric."""
    directory = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "docs/examples/plugins/st-within", directory / "st-within")
    shutil.copy(ROOT / "docs/examples/wine.csv", directory)
    text = (ROOT / "docs/examples/wine.toml").read_text(encoding="utf-8")
    metrics = 'metrics = [{ type = "within", distance = 0.5 }]\n'
    changed = text.replace(
        'metrics = ["mean_absolute_error"]\n',
        metrics + 'checkpoint = { best = "held_out_within" }\n',
    )
    assert metrics in changed
    (directory / "wine.toml").write_text(changed, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def run(place: Path, environment_with: Callable[..., Run]) -> Run:
    """Give a function that runs a script of an environment with the package in it."""
    return environment_with(place, place / "st-within")


def test_package_passes_its_own_tests(run: Run) -> None:
    came = run("python", "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "st-within")

    assert came.returncode == 0, came.stdout
    assert " passed" in came.stdout


def test_metric_is_told_and_decides_which_epoch_is_best(run: Run, place: Path) -> None:
    trained = run("st", "train", "wine.toml")
    judged = run("st", "evaluate", "runs/wine-1", "--json")

    assert trained.returncode == 0, trained.stderr
    model = json.loads((place / "runs/wine-1/model/config.json").read_text("utf-8"))
    best = json.loads((place / "runs/wine-1/checkpoints/best/config.json").read_text("utf-8"))
    share = model["metrics"]["held_out_within"]
    assert 0.3 < share <= 1
    assert json.loads(judged.stdout)["metrics"]["within"] == pytest.approx(share)
    assert best["epoch"] == model["best"]["held_out_within"]["epoch"]


def test_fault_in_it_is_told_like_ours(run: Run, place: Path) -> None:
    text = (
        (place / "wine.toml").read_text(encoding="utf-8").replace("distance = 0.5", "distanc = 1")
    )
    (place / "faulty.toml").write_text(text, encoding="utf-8")

    came = run("st", "check", "faulty.toml", "--json")

    assert came.returncode == 2
    (fault,) = json.loads(came.stdout)["faults"]
    assert (fault["path"][0], fault["nearest"]) == ("metrics", "distance")
