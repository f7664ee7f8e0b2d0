"""The picture of the house in docs/design/house.md is true: every import goes the way it says."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/design/house.md").read_text(encoding="utf-8")
SOURCES = {"st.core": "packages/st-core/src/st/core", "st.nn": "packages/st-nn/src/st/nn"}


def storeys(package: str) -> list[set[str]]:
    """Give the rooms of a package from the top down, as the page writes them: `a → {b, c} → d`."""
    found = re.search(rf"in\s+`{re.escape(package)}`\s+`([^`]+)`", PAGE)
    assert found, f"the page has no direction for {package}"
    chain = " ".join(found.group(1).split()).removesuffix(" → st.core")
    return [{room.strip() for room in part.strip("{} ").split(",")} for part in chain.split("→")]


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Give every node below `node` that runs; what stands under `TYPE_CHECKING` does not."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
        yield child
        yield from executed(child)


def imports(package: str) -> Iterator[tuple[str, str, str]]:
    """Give (file and line, importing room, imported room) of every import within a package."""
    source = ROOT / SOURCES[package]
    for file in sorted(source.rglob("*.py")):
        room = file.relative_to(source).parts[0].removesuffix(".py")
        for node in executed(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    found = [alias.name for alias in names]
                case ast.ImportFrom(module=str(module), names=names, level=0):
                    found = [f"{module}.{alias.name}" for alias in names]
                case _:
                    continue
            for name in found:
                if name.startswith(f"{package}."):
                    imported = name.removeprefix(f"{package}.").partition(".")[0]
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", room, imported


@pytest.mark.parametrize("package", SOURCES)
def test_no_import_goes_up(package: str) -> None:
    floors = {room: n for n, storey in enumerate(storeys(package)) for room in storey}

    assert [
        f"{place}: {room} imports {imported}"
        for place, room, imported in imports(package)
        if room in floors and imported in floors and floors[imported] < floors[room]
    ] == []


@pytest.mark.parametrize("package", SOURCES)
def test_every_room_in_a_direction_is_there(package: str) -> None:
    source = ROOT / SOURCES[package]
    rooms = {room for storey in storeys(package) for room in storey}

    assert {
        r for r in rooms if not (source / r).is_dir() and not (source / f"{r}.py").exists()
    } == set()


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`(st\.[a-z_.]+)`", PAGE))))
def test_every_module_the_page_names_can_be_found(module: str) -> None:
    assert find_spec(module) is not None
