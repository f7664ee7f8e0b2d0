"""The language model of the examples: its text, its file, and what a user does with it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunSt = Callable[..., subprocess.CompletedProcess[str]]
EXAMPLES = Path(__file__).resolve().parent.parent / "docs/examples"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory with the example and the script that makes its text."""
    for name in ("characters.toml", "make_characters.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


def test_text_is_made_the_same_again_and_fits_the_model(st: RunSt, place: Path) -> None:
    told = []
    for _ in range(2):
        script = [sys.executable, str(place / "make_characters.py")]
        told.append(subprocess.run(script, capture_output=True, text=True, check=True).stdout)

    assert told[0] == told[1]
    assert (place / "characters.txt").stat().st_size > 5_000_000
    checked = st("check", "characters.toml", cwd=place)
    assert checked.returncode == 0, checked.stderr
    assert " 96 different ones" in checked.stdout


def test_short_text_is_learned_and_gone_on_with(st: RunSt, place: Path) -> None:
    printable = "".join(map(chr, range(32, 127)))
    (place / "characters.txt").write_text(f"def f(x):\n    return x\n{printable}\n" * 10, "utf-8")

    small = ("--set", "batch_size=4", "--set", "data.context=16", "--backend", "numpy")
    trained = st("train", "characters.toml", *small, cwd=place)
    assert trained.returncode == 0, trained.stderr
    assert " nats per character (" in trained.stdout

    arguments = ("runs/characters-1", "--prompt", "def ", "--length", "20", "--seed", "1")
    first, again = (st("generate", *arguments, cwd=place) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert first.stdout.startswith("def ")
    assert len(first.stdout.removesuffix("\n")) >= 23
