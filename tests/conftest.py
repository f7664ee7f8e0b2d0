"""Where the repository is, and how its `st` is run."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300.0

# They need a checker of their own; `tox -e oclgrind` names it.
collect_ignore = [] if "ST_OCLGRIND" in os.environ else ["oclgrind"]

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
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with wheels of st-core, st-nn and st-cli, made from the tree."""
    directory = tmp_path_factory.mktemp("wheels")
    for name in ("st-core", "st-nn", "st-cli"):
        run_uv("build", "--quiet", "--wheel", "--out-dir", directory, ROOT / "packages" / name)
    return directory


@pytest.fixture(scope="session")
def environment_with(wheels: Path, st_environment: dict[str, str]) -> Callable[..., RunScript]:
    """Give a function that makes an environment below `place`, and gives one to run its scripts.

    In it are the wheels, pytest and `packages`, and nothing of the running environment. What they
    require is really resolved, siblings among the wheels given (an index never sees their names).
    """

    def make(place: Path, *packages: Path | str) -> RunScript:
        directory = place / "environment"
        scripts = directory / ("Scripts" if os.name == "nt" else "bin")
        python = scripts / Path(sys.executable).name
        run_uv("venv", "--quiet", "--python", sys.executable, directory)
        ours = wheels.glob("*.whl")
        run_uv("pip", "install", "--quiet", "--python", python, *ours, *packages, "pytest>=8.3")
        environment = {name: v for name, v in st_environment.items() if name != "PYTHONPATH"}

        def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [str(scripts / script), *map(str, arguments)],
                cwd=place,
                env=environment | {"UV_FIND_LINKS": str(wheels)},
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=TIMEOUT_S,
            )

        return run_script

    return make


def run_uv(*arguments: object) -> None:
    """Run uv, which the running environment has."""
    command = [sys.executable, "-m", "uv", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=TIMEOUT_S)
