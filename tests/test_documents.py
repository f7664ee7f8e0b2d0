"""What README and the documentation show is what happens.

A block marked `console` is run: every line that starts with `$ st` is a command, and what stands
below it is what the command prints. Numbers may differ (times do) and `…` stands for anything. A
block marked `python` is run as a program, or as a doctest if it has prompts. A document is run in
one directory from top to bottom, so that a later block may use what an earlier one wrote.
"""

import doctest
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

RunSt = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
NOT_OURS_TO_RUN = {"changelog.md", "seed.md"}
DOCUMENTS = [
    README,
    ROOT / "CONTRIBUTING.md",
    *(f for f in sorted((ROOT / "docs").glob("*.md")) if f.name not in NOT_OURS_TO_RUN),
    *sorted((ROOT / "docs/concepts").glob("*.md")),
    *sorted((ROOT / "docs/how-to").glob("*.md")),
]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*(\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the line it starts on."""

    language: str
    text: str
    line: int


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(found.group(1), found.group(2), text.count("\n", 0, found.start()) + 1)


def commands(console: str) -> Iterator[tuple[list[str], str]]:
    """Give the commands of a console block, each with the output shown below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield shlex.split(command, comments=True), output


def form(text: str) -> str:
    """Give `text` with every number as `0` and every run of blanks as one."""
    lines = (" ".join(NUMBER.sub("0", line).split()) for line in text.strip().splitlines())
    return "\n".join(line for line in lines if line)


def matches(shown: str, printed: str) -> bool:
    """Say whether `printed` has the form of `shown`, in which `…` stands for anything."""
    pattern = ".*?".join(map(re.escape, form(shown).split("…")))
    return re.fullmatch(pattern, form(printed), re.DOTALL) is not None


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """Give the directory of someone who follows a document: the examples and nothing else."""
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_the_document_shows_is_what_happens(
    document: Path, st: RunSt, reader: Path, st_environment: dict[str, str]
) -> None:
    for block in blocks(document):
        place = f"{document.name}:{block.line}"
        if block.language == "console":
            for command, shown in commands(block.text):
                assert command[0] == "st", f"{place}: only `st` is run here, not {command[0]}"
                came = st(*command[1:], cwd=reader)
                printed = came.stdout + came.stderr
                assert matches(shown, printed), f"{place}: {shlex.join(command)}\n{printed}"
                assert ("error: " in shown) == (came.returncode != 0), f"{place}: {printed}"
        elif block.language == "python" and ">>>" in block.text:
            example = doctest.DocTestParser().get_doctest(
                block.text, {}, place, str(document), block.line
            )
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            assert runner.run(example).failed == 0, place
        elif block.language == "python":
            came = subprocess.run(
                [sys.executable, "-W", "error", "-c", block.text],
                cwd=reader,
                env=st_environment,
                capture_output=True,
                text=True,
                encoding="utf-8",
            )
            assert came.returncode == 0, f"{place}\n{came.stderr}"


@pytest.mark.parametrize("example", ["digits.toml", "louder.py"])
def test_readme_prints_the_example_as_it_is(example: str) -> None:
    content = (ROOT / "docs/examples" / example).read_text(encoding="utf-8")

    assert any(block.text == content for block in blocks(README))


def test_readme_fits_on_two_screens() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_links_to_exists(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)

    missing = [t for t in targets if ":" not in t and not (document.parent / t).exists()]
    assert missing == []


def test_a_console_block_with_other_words_does_not_match() -> None:
    assert matches("0.978 correct in 1.9 s", "0.981 correct  in 2.3 s\n")
    assert matches("first\n…\nlast", "first\nsecond\nthird\nlast")
    assert not matches("0.978 correct", "0.978 wrong")
