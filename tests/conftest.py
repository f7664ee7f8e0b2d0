"""Where the repository is, and how its `st` is run."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300.0

RunSt = Callable[..., subprocess.CompletedProcess[str]]
RunScript = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def st_environment() -> dict[str, str]:
    """Give the environment of a plain terminal program: no colour, wide lines, no settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ST_") or name == "ST_OPENCL_CACHE_DIR"
    }
    return kept | {"NO_COLOR": "1", "COLUMNS": "120", "PYTHONDEVMODE": "0"}


@pytest.fixture(scope="session")
def st_command() -> Path:
    """Give the installed `st` script of the running environment."""
    return Path(sys.executable).with_name("st.exe" if os.name == "nt" else "st")


@pytest.fixture
def st(st_command: Path, st_environment: dict[str, str], tmp_path: Path) -> RunSt:
    """Give a function that runs `st` with arguments in an empty directory and returns what came."""

    def run(*arguments: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(st_command), *map(str, arguments)],
            cwd=cwd,
            env=st_environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
        )

    return run


@pytest.fixture(scope="session")
def environment_with(st_environment: dict[str, str]) -> Callable[..., RunScript]:
    """Give a function that makes an environment below `place` with st-core, st-nn, st-cli, pytest
    and `packages` in it, and returns a function that runs a script of it there.

    Nothing of the running environment is seen in it, and requirements are really resolved, those
    on siblings among the paths given (an index never sees their names). uv does it in about three
    seconds, from the cache out of which the running environment was made.
    """

    def make(place: Path, *packages: Path) -> RunScript:
        directory = place / "environment"
        scripts = directory / ("Scripts" if os.name == "nt" else "bin")
        python = scripts / Path(sys.executable).name
        ours = [ROOT / "packages" / name for name in ("st-core", "st-nn", "st-cli")]
        for command in (
            ["venv", "--quiet", "--python", sys.executable, directory],
            ["pip", "install", "--quiet", "--python", python, *ours, *packages, "pytest>=8.3"],
        ):
            uv = [sys.executable, "-m", "uv", *map(str, command)]
            subprocess.run(uv, cwd=ROOT, check=True, timeout=TIMEOUT_S)

        def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [str(scripts / script), *map(str, arguments)],
                cwd=place,
                env={name: value for name, value in st_environment.items() if name != "PYTHONPATH"},
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=TIMEOUT_S,
            )

        return run_script

    return make
