"""Build every distribution: the sdist first, then the wheel from that sdist.

    python tools/build.py OUT [--install]

Two builds of one commit are equal byte for byte (hatchling stamps every file with one date).
`--install` also installs the wheels just built, and nothing else of ours, into the running
environment: sibling requirements are met by these files, never by an index.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(out: Path) -> list[Path]:
    """Write the sdist and wheel of every distribution to `out`; return them sorted by name.

    Files of an earlier build in `out` are removed first.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("st_*"):
        old.unlink()
    for project in sorted(ROOT.glob("packages/*/pyproject.toml")):
        uv("build", "--quiet", "--out-dir", out, project.parent)
    return sorted(out.glob("st_*"))


def install(wheels: list[Path]) -> None:
    """Install the wheel files `wheels` into the running environment, OpenCL with its CPU device."""
    uv(
        *("pip", "install", "--quiet", "--reinstall", "--python", sys.executable),
        *(f"{wheel}[cpu]" if "opencl" in wheel.name else wheel for wheel in wheels),
    )


def uv(*arguments: object) -> None:
    """Run uv with `arguments`; its failure is raised as CalledProcessError."""
    subprocess.run([sys.executable, "-m", "uv", *map(str, arguments)], check=True)


def main() -> None:
    """Build, and install if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="directory the files are written to")
    parser.add_argument("--install", action="store_true", help="install the wheels built")
    arguments = parser.parse_args()

    files = build(arguments.out)
    if arguments.install:
        install([file for file in files if file.suffix == ".whl"])


if __name__ == "__main__":
    main()
