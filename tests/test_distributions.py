"""What every distribution of the family must look like, in the tree and installed."""

import re
import subprocess
import tomllib
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
VERSION = Version((ROOT / "VERSION").read_text(encoding="utf-8").strip())
NEXT_MINOR = Version(f"{VERSION.major}.{VERSION.minor + 1}.0")
PROJECTS = sorted((ROOT / "packages").glob("*/pyproject.toml"))
NAMES = {"st-core", "st-nn", "st-backend-opencl", "st-monitor", "st-cli"}
LOCK_FILES = re.compile(r"(^|/)([\w.-]+\.lock|pylock[\w.]*\.toml|requirements[\w-]*\.txt)$")
INDEX_ADDRESS = re.compile(r"https?://[^\s\"'<>)]*(?:/simple\b|pypi\.|pythonhosted)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp)/\w+")
TEXT_SUFFIXES = {"", ".cfg", ".cl", ".csv", ".ini", ".md", ".py", ".toml", ".txt", ".yml"}


@pytest.fixture(params=PROJECTS, ids=lambda path: path.parent.name)
def project(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def table(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    return found


def manifest(project: Path) -> dict[str, Any]:
    file = project.with_name("st_plugin.toml")
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [Path(name) for name in listing.stdout.split("\0") if name]


def test_the_family_is_the_five() -> None:
    assert {table(project)["name"] for project in PROJECTS} == NAMES


def test_requires_no_other_distribution_than_core(project: Path) -> None:
    siblings = {
        requirement.name
        for requirement in map(Requirement, table(project)["dependencies"])
        if requirement.name in NAMES
    }

    assert siblings == (set() if project.parent.name == "st-core" else {"st-core"})


def test_works_with_this_and_the_next_minor_of_its_siblings(project: Path) -> None:
    extras = table(project).get("optional-dependencies", {})
    requirements = [
        *table(project)["dependencies"],
        *(requirement for extra in extras.values() for requirement in extra),
    ]
    siblings = [r for r in map(Requirement, requirements) if r.name in NAMES]

    assert all(VERSION in sibling.specifier for sibling in siblings)
    assert all(NEXT_MINOR in sibling.specifier for sibling in siblings)


def test_leaves_the_namespaces_open(project: Path) -> None:
    assert not (project.parent / "src/st/__init__.py").exists()
    assert not (project.parent / "src/st/backend/__init__.py").exists()


def test_is_typed(project: Path) -> None:
    assert list((project.parent / "src/st").rglob("py.typed"))


def test_carries_the_licence_of_the_whole(project: Path) -> None:
    assert project.with_name("LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_installed_version_is_the_common_one(project: Path) -> None:
    assert Version(distribution(project.parent.name).version) == VERSION


def test_installed_distribution_carries_its_licence(project: Path) -> None:
    files = distribution(project.parent.name).files or []

    assert any(file.name == "LICENSE" for file in files)


def test_installed_manifest_is_the_one_in_the_tree(project: Path) -> None:
    installed = distribution(project.parent.name).read_text("extra_metadata/st_plugin.toml")

    assert tomllib.loads(installed or "") == manifest(project)


def test_manifest_describes_exactly_the_plugins_of_the_entry_points(project: Path) -> None:
    plugins = table(project).get("entry-points", {}).get("st.plugins", {})

    assert set(manifest(project)) == set(plugins)


def test_manifest_says_help_for_exactly_the_commands_of_the_entry_points(project: Path) -> None:
    commands = table(project).get("entry-points", {}).get("st.commands", {})
    described = {
        command
        for plugin in manifest(project).values()
        for command in plugin.get("contributes", {}).get("st.commands", {})
    }

    assert described == set(commands)


@pytest.mark.parametrize("group", ["st.plugins", "st.commands"])
def test_every_entry_point_of_the_family_can_be_imported(group: str) -> None:
    ours = [e for e in entry_points(group=group) if e.dist is not None and e.dist.name in NAMES]

    assert ours
    assert all(callable(entry.load()) for entry in ours)


def test_no_lock_file_is_tracked() -> None:
    assert [name for name in tracked_files() if LOCK_FILES.search(name.as_posix())] == []


@pytest.mark.parametrize(
    "pattern",
    [pytest.param(INDEX_ADDRESS, id="index-address"), pytest.param(MACHINE_PATH, id="path")],
)
def test_tracked_text_names_nothing_of_one_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}: {match.group()}"
        for name in tracked_files()
        if name.suffix in TEXT_SUFFIXES and (ROOT / name).is_file()
        for match in pattern.finditer((ROOT / name).read_text(encoding="utf-8"))
    ]

    assert found == []
