"""The cross-package matrix: which environment proves what, and the environments made of wheels.

    python tools/matrix.py --list        every environment of tox.ini and what it proves
    python tools/matrix.py NAME          installs the wheels of one and runs its tests, as tox does

An environment made of wheels builds them from the tree and installs some of them into the Python
that runs, which should have pytest, hypothesis and uv and nothing of ours.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from build import ROOT, build, uv
from release import raised

PLUGINS = ROOT / "docs/examples/plugins"


@dataclass(frozen=True)
class Subset:
    """Distributions that are installed together, and the tests that have to pass then."""

    distributions: tuple[str, ...]
    tests: tuple[str, ...]
    with_examples: bool = False
    """Whether the example packages are installed as well."""
    next_core: bool = False
    """Whether st-core is built with its minor raised by one."""


NN, MONITOR, CLI = (f"packages/{name}/tests" for name in ("st-nn", "st-monitor", "st-cli"))

EXTRAS = {"st_backend_opencl": "[cpu]", "st_nn": "[sklearn]"}
"""What the tests of a distribution need of its extras, by the name of its wheel."""

SUBSETS = {
    "wheels-core_monitor": Subset(("st-core", "st-monitor"), (MONITOR,)),
    "wheels-nn_monitor": Subset(("st-core", "st-nn", "st-monitor"), (NN, MONITOR)),
    "wheels-no_opencl": Subset(
        ("st-core", "st-nn", "st-monitor", "st-cli"),
        (CLI, "tests/test_bad_input.py", "tests/test_serve.py"),
    ),
    "wheels-strangers": Subset(
        ("st-core", "st-nn", "st-monitor", "st-cli", "st-backend-opencl"),
        ("docs/examples/plugins",),
        with_examples=True,
    ),
    "wheels-next_core": Subset(
        ("st-core", "st-nn", "st-monitor", "st-cli"), (NN, MONITOR, CLI), next_core=True
    ),
}


def wheels_of(subset: Subset, out: Path) -> list[Path]:
    """Build what a subset consists of and return its wheel files."""
    made = [file for file in build(out) if file.suffix == ".whl"]
    wanted = {name.replace("-", "_") for name in subset.distributions}
    found = [wheel for wheel in made if wheel.name.partition("-")[0] in wanted]
    if subset.next_core:
        found = [wheel for wheel in found if not wheel.name.startswith("st_core-")]
        found.append(next_core(out / "next"))
    return found


def next_core(out: Path) -> Path:
    """Build the wheel st-core would have if its next release were a minor one."""
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        shutil.copytree(ROOT / "packages/st-core", tree / "packages/st-core")
        version = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
        (tree / "VERSION").write_text(raised(version, "minor"), encoding="utf-8")
        uv("build", "--quiet", "--wheel", "--out-dir", out, tree / "packages/st-core")
    (wheel,) = out.glob("*.whl")
    return wheel


def prove(name: str) -> int:
    """Install a subset into the running Python, run its tests, return pytest's exit status."""
    subset = SUBSETS[name]
    with tempfile.TemporaryDirectory() as directory:
        wheels = wheels_of(subset, Path(directory))
        examples = sorted(PLUGINS.glob("st-*")) if subset.with_examples else []
        wanted = [f"{wheel}{EXTRAS.get(wheel.name.partition('-')[0], '')}" for wheel in wheels]
        uv("pip", "install", "--quiet", "--python", sys.executable, *wanted, *examples)
    command = [sys.executable, "-m", "pytest", "-m", "not slow", *subset.tests]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    """List, or prove."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--list", action="store_true", help="say which environment proves what")
    choice.add_argument("name", nargs="?", choices=SUBSETS, help="an environment made of wheels")
    arguments = parser.parse_args()
    if arguments.list:
        command = [sys.executable, "-m", "tox", "list"]
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    return prove(arguments.name)


if __name__ == "__main__":
    sys.exit(main())
