"""The example packages st-array-api and st-idx: a backend and a data loader made by strangers.

They are installed beside our distributions, pass their own tests, and train together: a model of
ours, on data that only the one can read, on a backend that only the other has.
"""

import gzip
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("st-array-api", "st-idx")

EXPERIMENT = """\
seed = 7
epochs = 3
backend = "arrayapi"
optimizer = { type = "adam", lr = 0.003 }
model = [
  { type = "flatten" },
  { type = "linear", out_features = 64 }, { type = "relu" },
  { type = "linear", out_features = 10 },
]

[data]
source = "idx"
images = "images.gz"
labels = "labels"
scale = 0.0625
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the packages, the digits as IDX files, and an experiment."""
    directory = tmp_path_factory.mktemp("examples")
    for name in PACKAGES:
        shutil.copytree(ROOT / "docs/examples/plugins" / name, directory / name)
    with gzip.open(ROOT / "docs/examples/digits.csv.gz", "rt", encoding="utf-8") as file:
        header, *rows = (line.split(",") for line in file.read().split())
    target = header.index("digit")
    labels = bytes(int(row.pop(target)) for row in rows)
    pixels = np.array(rows, np.uint8)
    n = len(rows).to_bytes(4, "big")
    edge = (8).to_bytes(4, "big")
    images = b"\0\0\x08\x03" + n + edge + edge + pixels.tobytes()
    (directory / "images.gz").write_bytes(gzip.compress(images))
    (directory / "labels").write_bytes(b"\0\0\x08\x01" + n + labels)
    (directory / "digits.toml").write_text(EXPERIMENT, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def run(place: Path, environment_with: Callable[..., Run]) -> Run:
    """Give a function that runs a script of an environment with the packages in it."""
    return environment_with(place, *(place / name for name in PACKAGES), "hypothesis>=6.100")


@pytest.mark.parametrize("name", PACKAGES)
def test_package_passes_its_own_tests(run: Run, name: str) -> None:
    came = run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, name)

    assert came.returncode == 0, came.stdout[-3000:]
    assert " passed" in came.stdout


def test_both_are_needed_and_the_digits_are_learned(run: Run) -> None:
    came = run("st", "train", "digits.toml")

    assert came.returncode == 0, came.stderr
    assert "needed: array-api, idx, nn" in came.stdout
    assert "array API, array_api_strict" in came.stdout
    assert "checked against eager" in came.stdout
    share = float(came.stdout.partition(" correct (")[0].split()[-1])
    assert share > 0.9


def test_other_backend_learns_the_same_numbers(run: Run) -> None:
    """A foreign backend is as exact as ours: losses agree to the digits that are printed."""
    ours, theirs = (
        [line.split()[3] for line in run(*command).stdout.splitlines() if " loss " in line]
        for command in (
            ("st", "train", "digits.toml", "--backend", "numpy"),
            ("st", "train", "digits.toml"),
        )
    )

    assert len(ours) == 3
    assert ours == theirs
