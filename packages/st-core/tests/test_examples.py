"""The examples of the documentation that need st-core alone print what they say they print."""

import ast
import runpy
import sys
import textwrap
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs" / "examples" / "ecosystem"
EXAMPLES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_prints_what_it_says(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ast.get_docstring(ast.parse(example.read_text(encoding="utf-8")))
    block = said.partition("prints\n\n")[2].split("\n\n")[0]

    runpy.run_path(str(example), run_name="__main__")

    assert capsys.readouterr().out == textwrap.dedent(block) + "\n"


def test_examples_leave_no_module_behind() -> None:
    assert not [name for name in sys.modules if "@" in name]
