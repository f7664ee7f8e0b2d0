"""A stranger's package: made by `st new`, built, installed, found, tested, and trained with.

The packages go into an environment of their own, with our distributions from the tree beside them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300.0

EXPERIMENT = """\
seed = 7
epochs = 1
batch_size = 32
optimizer = { type = "adam", lr = 0.002 }
model = [
  { type = "flatten" },
  { type = "linear", out_features = 16 },
  { type = "wobble", factor = 0.5 },
  { type = "linear", out_features = 16 },
  { type = "swish", beta = 1.5 },
  { type = "linear", out_features = 10 },
]
"""

MADE = {"tally": "service", "wobble": "module", "lathe": "backend", "census": "command"}
NAMES = (*MADE, "swish")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def packages(st_command: Path, place: Path) -> dict[str, Path]:
    """Give the directories of a package of each kind just made, and of the example module."""
    for name, kind in MADE.items():
        command = [str(st_command), "new", name, "--kind", kind]
        subprocess.run(command, cwd=place, check=True, timeout=TIMEOUT_S)
    shutil.copytree(ROOT / "docs/examples/plugins/st-swish", place / "st-swish")
    return {name: place / f"st-{name}" for name in NAMES}


@pytest.fixture(scope="module")
def run(packages: dict[str, Path], place: Path, environment_with: Callable[..., Run]) -> Run:
    """Give a function that runs a script of an environment with the packages in it."""
    return environment_with(place, *packages.values(), "hypothesis>=6.100", "tox-uv>=1.26")


@pytest.mark.parametrize("name", NAMES)
def test_package_passes_its_own_tests(run: Run, packages: dict[str, Path], name: str) -> None:
    tests = packages[name] / "tests"

    came = run("python", "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, tests)

    assert came.returncode == 0, came.stdout
    assert " passed" in came.stdout


@pytest.mark.parametrize("name", NAMES)
def test_package_is_found_without_being_imported(run: Run, name: str) -> None:
    came = run("st", "plugins", "--json")

    plugins = {plugin["id"]: plugin for plugin in json.loads(came.stdout)}
    assert plugins[name]["origin"] == f"st-{name}"
    assert plugins[name]["state"] == "discovered"


@pytest.mark.parametrize("name", MADE)
def test_package_that_stands_is_never_overwritten(
    st_command: Path, place: Path, packages: dict[str, Path], name: str
) -> None:
    before = {path: path.read_bytes() for path in packages[name].rglob("*.*") if path.is_file()}

    command = [str(st_command), "new", name, "--kind", MADE[name]]
    came = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert came.returncode == 2
    assert "exists already" in came.stderr
    assert before == {path: path.read_bytes() for path in before}


def test_matrix_of_a_package_runs_with_the_oldest_and_the_newest(run: Run) -> None:
    python = f"py3{sys.version_info.minor}"

    came = run("tox", "-c", "st-tally", "-e", f"{python}-oldest,{python}-newest")

    assert came.returncode == 0, came.stdout + came.stderr
    assert came.stdout.count("2 passed") == 2


def test_command_of_a_stranger_is_in_the_help_and_runs(run: Run) -> None:
    assert "Count the plugins that are installed, by distribution." in run("st", "--help").stdout

    came = run("st", "census", "--json")

    assert json.loads(came.stdout) == {f"st-{name}": 1 for name in sorted(NAMES)} | {"st-nn": 2}


def test_backend_of_a_stranger_trains(run: Run, place: Path) -> None:
    examples = (ROOT / "docs/examples").as_posix()

    came = run("st", "train", f"{examples}/digits.toml", "--backend", "lathe", "--set", "epochs=2")

    assert came.returncode == 0, came.stderr
    assert "backend   Lathe, with NumPy" in came.stdout
    assert "checked against eager" in came.stdout


def test_doctor_finds_nothing_broken(run: Run) -> None:
    came = run("st", "doctor", "--json")

    broken = [f for f in json.loads(came.stdout)["findings"] if f["status"] == "broken"]
    assert (came.returncode, broken) == (0, [])


def test_modules_of_strangers_are_listed_with_ours(run: Run) -> None:
    came = run("st", "modules", "--json")

    assert {"linear", "wobble", "swish"} <= {module["name"] for module in json.loads(came.stdout)}


def test_model_with_modules_of_strangers_trains(run: Run, place: Path) -> None:
    digits = (ROOT / "docs/examples/digits.toml").read_text(encoding="utf-8")
    _, table, data = digits.partition("[data]")
    examples = (ROOT / "docs/examples").as_posix()
    file = place / "strange.toml"
    data = data.replace('path = "', f'path = "{examples}/')
    file.write_text(EXPERIMENT + table + data, encoding="utf-8")

    came = run("st", "train", file)

    assert came.returncode == 0, came.stderr
    assert "wobble" in came.stdout
    assert "swish" in came.stdout
