"""The distributions meet in st.core alone; the sources are read, nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SIBLINGS = ["st.nn", "st.backend.opencl", "st.monitor", "st.cli"]
PORTIONS = {
    "st.core": ROOT / "packages/st-core/src",
    "st.nn": ROOT / "packages/st-nn/src",
    "st.backend.opencl": ROOT / "packages/st-backend-opencl/src",
    "st.monitor": ROOT / "packages/st-monitor/src",
    "st.cli": ROOT / "packages/st-cli/src",
}


def imported_names(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), file)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)


def imports_below(source: Path, forbidden: list[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in sorted(source.rglob("*.py"))
        for line, name in imported_names(file)
        if any(f"{name}.".startswith(f"{package}.") for package in forbidden)
    ]


@pytest.mark.parametrize("portion", SIBLINGS)
def test_no_sibling_is_imported_not_even_inside_a_function(portion: str) -> None:
    others = [sibling for sibling in SIBLINGS if sibling != portion]

    assert imports_below(PORTIONS[portion], others) == []


def test_core_imports_no_other_distribution() -> None:
    assert imports_below(PORTIONS["st.core"], SIBLINGS) == []


def test_core_knows_nothing_of_backends_outside_their_contract() -> None:
    core = PORTIONS["st.core"] / "st/core"
    found = imports_below(core, ["st.core.backend"])

    outside = [line for line in found if "/st/core/backend/" not in line]
    assert [line for line in outside if "/st/core/testing/" not in line] == []


def test_nothing_but_the_numpy_backend_itself_imports_it() -> None:
    found = imports_below(PORTIONS["st.nn"], ["st.nn.numpy_backend"])

    assert [line for line in found if "/st/nn/numpy_backend/" not in line] == []


def test_an_import_inside_a_function_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text("def late():\n    from st.nn import Linear\n", encoding="utf-8")

    assert list(imported_names(file)) == [(2, "st.nn.Linear")]
