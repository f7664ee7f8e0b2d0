"""Leaving a distribution out takes away its own function and nothing else.

Every subset is installed into an environment of its own, from the tree. pip is not asked for the
siblings: they are given by path, and an index never sees their names.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300.0


class Environment:
    """A virtual environment with some of the distributions in it."""

    def __init__(self, directory: Path, *requirements: str) -> None:
        self._scripts = directory / ("Scripts" if os.name == "nt" else "bin")
        python = self._scripts / Path(sys.executable).name
        self._uv("venv", "--quiet", "--python", sys.executable, directory)
        self._uv("pip", "install", "--quiet", "--python", python, *requirements)

    def run(self, script: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a script of the environment and return what came."""
        return subprocess.run(
            [str(self._scripts / script), *map(str, arguments)],
            cwd=cwd,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            | {"NO_COLOR": "1", "COLUMNS": "120"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
        )

    @staticmethod
    def _uv(*arguments: object) -> None:
        command = [sys.executable, "-m", "uv", *map(str, arguments)]
        subprocess.run(command, check=True, cwd=ROOT, timeout=TIMEOUT_S)


def packages(*names: str) -> list[str]:
    return [str(ROOT / "packages" / name) for name in names]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    return tmp_path


def test_core_and_nn_train_from_five_statements_of_python(place: Path) -> None:
    environment = Environment(place / "env", *packages("st-core", "st-nn"))

    came = environment.run("python", "-W", "error", "docs/examples/five_lines.py", cwd=place)

    assert came.returncode == 0, came.stderr
    assert float(came.stdout.split()[0]) > 0.95


def test_core_alone_needs_no_numpy(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "env", *packages("st-core"))

    imported = environment.run("python", "-W", "error", "-c", "import st.core", cwd=tmp_path)
    numpy = environment.run("python", "-c", "import numpy", cwd=tmp_path)

    assert imported.returncode == 0, imported.stderr
    assert "No module named 'numpy'" in numpy.stderr


def test_without_the_monitor_a_run_leaves_its_model_and_no_report(place: Path) -> None:
    environment = Environment(place / "env", *packages("st-core", "st-nn", "st-cli"))

    came = environment.run("st", "train", "docs/examples/digits.toml", cwd=place)

    assert came.returncode == 0, came.stderr
    assert (place / "runs/digits-1/model/weights.safetensors").is_file()
    assert not list(place.glob("runs/**/report.html"))


def test_without_opencl_the_backend_is_refused_with_what_to_install(place: Path) -> None:
    environment = Environment(place / "env", *packages("st-core", "st-nn", "st-cli"))

    came = environment.run(
        "st", "train", "docs/examples/digits.toml", "--backend", "opencl", cwd=place
    )

    assert came.returncode == 2
    assert "pip install" in came.stderr
    assert "st-backend-opencl" in came.stderr


def test_without_nn_the_commands_that_are_there_still_work(place: Path) -> None:
    environment = Environment(
        place / "env", *packages("st-core", "st-cli", "st-monitor", "st-backend-opencl")
    )

    listed = environment.run("st", "plugins", cwd=place)
    refused = environment.run("st", "train", "docs/examples/digits.toml", cwd=place)

    assert listed.returncode == 0, listed.stderr
    assert "monitor" in listed.stdout
    assert refused.returncode == 2
    assert "st-nn" in refused.stderr
