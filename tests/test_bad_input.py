"""Bad input is refused with one clear line, exit code 2, and nothing half-written."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunSt = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs/examples/digits.csv.gz"

EXPERIMENT = """\
seed = 7
epochs = 1
batch_size = 32
optimizer = { type = "adam", lr = 0.002 }
model = [
  { type = "flatten" },
  { type = "linear", out_features = 10 },
]

[data]
source = "csv"
path = "digits.csv.gz"
target = "digit"
shape = [8, 8]
scale = 0.0625
held_out = 0.2
"""

# What is wrong: (what is replaced, by what, a word the message must contain).
FAULTS = {
    "broken-toml": ("epochs = 1", "epochs = = 1", ":2:"),
    "unknown-module": ('"linear"', '"liner"', "linear"),
    "unknown-backend": ("seed = 7", 'seed = 7\nbackend = "cuda"', "cuda"),
    "unknown-optimizer": ('"adam"', '"adm"', "adam"),
    "unknown-key": ("epochs = 1", "epoch = 1", "epochs"),
    "wrong-type": ("out_features = 10", 'out_features = "three"', "three"),
    "out-of-range": ("batch_size = 32", "batch_size = 0", "batch_size"),
    "too-few-outputs": ("out_features = 10", "out_features = 9", "10"),
    "sizes-that-do-not-fit": (
        "out_features = 10",
        "in_features = 63, out_features = 10",
        "63",
    ),
    "missing-data": ("digits.csv.gz", "numbers.csv.gz", "numbers.csv.gz"),
    "unknown-target": ('"digit"', '"digits"', "digit"),
    "other-checksum": (
        'target = "digit"',
        f'target = "digit"\nsha256 = "{"0" * 64}"',
        "sha256",
    ),
    "output-below-a-file": ("seed = 7", 'seed = 7\noutput = "digits.csv.gz/runs"', "digits.csv.gz"),
}


def files_below(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def assert_refused(came: subprocess.CompletedProcess[str], word: str) -> None:
    assert came.returncode == 2, came.stdout + came.stderr
    assert came.stderr.startswith("error: ")
    assert "Traceback" not in came.stderr
    assert len(came.stderr.strip().splitlines()) == 1, came.stderr
    assert word in came.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copy(DATA, tmp_path)
    return tmp_path


@pytest.mark.parametrize(("old", "new", "word"), FAULTS.values(), ids=FAULTS)
def test_faulty_experiment_is_refused(
    st: RunSt, place: Path, old: str, new: str, word: str
) -> None:
    file = place / "faulty.toml"
    file.write_text(EXPERIMENT.replace(old, new, 1), encoding="utf-8")
    before = files_below(place)

    came = st("train", file, cwd=place)

    assert_refused(came, word)
    assert files_below(place) == before


def test_the_experiment_these_faults_are_planted_in_is_sound(st: RunSt, place: Path) -> None:
    file = place / "sound.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")

    came = st("train", file, cwd=place)

    assert came.returncode == 0, came.stderr


def test_missing_file_is_refused(st: RunSt, tmp_path: Path) -> None:
    came = st("train", "nothing.toml")

    assert_refused(came, "nothing.toml")
    assert files_below(tmp_path) == set()


@pytest.mark.parametrize("command", ["train", "predict"])
def test_binary_noise_is_refused(st: RunSt, tmp_path: Path, command: str) -> None:
    (tmp_path / "noise.toml").write_bytes(bytes(range(256)) * 4)

    came = st(command, "noise.toml")

    assert_refused(came, "noise.toml")
    assert files_below(tmp_path) == {"noise.toml"}


def test_unknown_command_is_refused(st: RunSt) -> None:
    came = st("trian")

    assert came.returncode == 2
    assert "train" in came.stderr
    assert "Traceback" not in came.stderr


@pytest.mark.parametrize("file", ["weights.safetensors", "config.json"])
def test_truncated_checkpoint_is_refused(st: RunSt, place: Path, file: str) -> None:
    (place / "short.toml").write_text(EXPERIMENT, encoding="utf-8")
    st("train", place / "short.toml", cwd=place)
    checkpoint = place / "runs/short-1/model" / file
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])

    came = st("predict", "runs/short-1", "--row", "0", cwd=place)

    assert_refused(came, file)


def test_broken_example_shows_its_four_faults_at_once(st: RunSt, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs/examples", tmp_path / "examples")
    before = files_below(tmp_path)

    came = st("train", "examples/broken.toml")

    assert came.returncode == 2
    assert "Traceback" not in came.stderr
    assert came.stderr.count("expected") >= 4
    assert "pip install" in came.stderr
    assert files_below(tmp_path) == before
