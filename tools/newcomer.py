"""Do what a newcomer does, with nothing but what the README says, and print how long it took.

    python tools/newcomer.py

In an empty directory, with an empty home and a new virtual environment: install, start a plugin
package, change what it computes and its test, run the test, train with it, and look at the result.
Any step that fails ends it, and its output says what the newcomer would have seen.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("st-core", "st-nn", "st-monitor", "st-cli")

CHANGES = {
    "src/st_ripple/__init__.py": ("ops.tanh(self.factor * x)", "x + ops.tanh(self.factor * x)"),
    "tests/test_ripple.py": ("np.tanh(2.0 * x.astype", "x + np.tanh(2.0 * x.astype"),
}
"""File of the new package → what the newcomer replaces, and by what."""

RELU = '{ type = "relu" }'
RIPPLE = '{ type = "ripple", factor = 0.5 }'


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a directory of their own."""

    place: Path
    environment: dict[str, str]

    def run(self, title: str, *command: object) -> str:
        """Run a command, say how long it took, and return what it printed.

        Raises:
            SystemExit: It fails; what it printed is shown.
        """
        start = perf_counter()
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.place,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        print(f"{perf_counter() - start:6.1f} s  {title}", flush=True)
        if done.returncode:
            sys.exit(f"{done.stdout}\n{title} failed: {' '.join(map(str, command))}")
        return done.stdout


def arrive(place: Path) -> None:
    """Do it all below `place`."""
    scripts = place / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ST_")}
    home = place / "home"
    home.mkdir()
    path = os.pathsep.join([str(scripts), kept["PATH"]])
    newcomer = Newcomer(place, kept | {"HOME": str(home), "PATH": path, "NO_COLOR": "1"})
    python, st = scripts / "python", scripts / "st"

    newcomer.run("make an environment", sys.executable, "-m", "venv", place / ".venv")
    packages = [ROOT / "packages" / name for name in PACKAGES]
    newcomer.run("install SpiralTorch", python, "-m", "pip", "install", "-q", *packages)
    newcomer.run("start a package", st, "new", "ripple", "--kind", "module")
    install = (python, "-m", "pip", "install", "-q", "-e", "./st-ripple", "pytest")
    newcomer.run("install it", *install)
    newcomer.run("run its tests", python, "-m", "pytest", "st-ripple")

    for name, (old, new) in CHANGES.items():
        file = place / "st-ripple" / name
        text = file.read_text(encoding="utf-8")
        if old not in text:
            sys.exit(f"{name} has no {old!r} to change")
        file.write_text(text.replace(old, new), encoding="utf-8")
    newcomer.run("test what was changed", python, "-m", "pytest", "st-ripple")

    experiment = (ROOT / "docs/examples/digits.toml").read_text(encoding="utf-8")
    data = (ROOT / "docs/examples/digits.csv.gz").as_posix()
    experiment = experiment.replace(RELU, RIPPLE).replace('"digits.csv.gz"', f'"{data}"')
    (place / "mine.toml").write_text(experiment, encoding="utf-8")
    newcomer.run("check the experiment", st, "check", "mine.toml")
    trained = newcomer.run("train with it", st, "train", "mine.toml")
    newcomer.run("ask the model", st, "predict", "runs/mine-1", "--row", "3")
    if "ripple" not in trained or " correct (" not in trained:
        sys.exit(f"the run does not show the module:\n{trained}")


def main() -> None:
    """Arrive, and print the time it took."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        arrive(Path(directory))
    print(f"{perf_counter() - start:6.1f} s  from nothing to a model with a module of one's own")


if __name__ == "__main__":
    main()
