"""Prepare a release: the version, the bounds between siblings, and the changelog.

    python tools/release.py {major,minor,patch} [--dry-run]

Writes VERSION, moves `st-…>=0.N,<0.(N+2)` in packages/*/pyproject.toml where the minor changes,
and makes a section of CHANGELOG.md out of the fragments in changelog.d/. With `--dry-run` it says
all that and changes nothing. Building and publishing come after; it prints how. Needs towncrier.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOUNDS = re.compile(r'("st-[a-z-]+(?:\[[a-z,]+\])?)>=[\d.]+,<[\d.]+"')


class ReleaseError(Exception):
    """The tree is not one that can be released."""


def raised(version: str, part: str) -> str:
    """Return the version after `version`.

    >>> raised("0.4.1", "minor")
    '0.5.0'
    """
    numbers = [int(number) for number in version.split(".")]
    place = ("major", "minor", "patch").index(part)
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1, *[0] * (2 - place)]))


def with_bounds(project: str, version: str) -> str:
    """Return a pyproject.toml whose siblings are those of `version` and of the next minor.

    >>> with_bounds('dependencies = ["st-core>=0.1,<0.3", "numpy>=2"]', "0.2.0")
    'dependencies = ["st-core>=0.2,<0.4", "numpy>=2"]'
    """
    major, minor, _ = (int(number) for number in version.split("."))
    return BOUNDS.sub(rf'\1>={major}.{minor},<{major}.{minor + 2}"', project)


def changes(root: Path, version: str) -> dict[Path, str]:
    """Return the files of `root` that a release of `version` changes, with their new text."""
    made = {root / "VERSION": f"{version}\n"}
    for project in sorted(root.glob("packages/*/pyproject.toml")):
        before = project.read_text(encoding="utf-8")
        after = with_bounds(before, version)
        if after != before:
            made[project] = after
    return made


def towncrier(*arguments: str) -> str:
    """Run towncrier in the repository and return what it prints."""
    command = [sys.executable, "-m", "towncrier", "build", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


def refuse_unready(version: str) -> None:
    """Raise where a release would lose or repeat something.

    Raises:
        ReleaseError: Uncommitted changes, a version that exists, or nothing to tell.
    """
    if git("status", "--porcelain"):
        raise ReleaseError("there are changes that are not committed; commit them first")
    if f"v{version}" in git("tag", "--list").split():
        raise ReleaseError(f"there is a tag v{version} already; choose another part to raise")
    if not list((ROOT / "changelog.d").glob("+*.md")):
        raise ReleaseError("changelog.d/ has no fragments: nothing has changed for users")


def git(*arguments: str) -> str:
    """Run git in the repository and return what it prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> int:
    """Say what a release changes, and change it unless asked not to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("major", "minor", "patch"))
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    arguments = parser.parse_args()

    before = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
    version = raised(before, arguments.part)
    print(f"version    {before} → {version}")
    changed = changes(ROOT, version)
    for file in changed:
        print(f"changes    {file.relative_to(ROOT)}")
    print(f"changelog\n{towncrier('--draft', '--version', version)}")
    if arguments.dry_run:
        print("dry run    nothing was changed")
        return 0
    try:
        refuse_unready(version)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for file, text in changed.items():
        file.write_text(text, encoding="utf-8")
    towncrier("--yes", "--version", version)
    print("next       tox p && git commit --all && python tools/build.py dist")
    print(f"           git tag v{version} && twine upload dist/*")
    return 0


if __name__ == "__main__":
    sys.exit(main())
