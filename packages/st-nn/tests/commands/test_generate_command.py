from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from st.core import StError
from st.nn import generation
from st.nn.commands import evaluate, generate, predict, runs, train
from st.nn.saved import SavedModel

Run = Callable[..., Result]

LETTERS = """\
seed = 1
epochs = 2
backend = "numpy"
optimizer = { type = "adam", lr = 0.05 }
model = [{ type = "embedding", n_rows = 3, width = 8 }, { type = "linear", out_features = 3 }]

[data]
source = "text"
path = "abc.txt"
context = 8
"""


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an experiment that learns that one letter follows another."""
    monkeypatch.chdir(tmp_path)
    Path("abc.txt").write_text("abc" * 800, encoding="utf-8")
    Path("letters.toml").write_text(LETTERS, encoding="utf-8")
    return Path("letters.toml")


def test_training_speaks_of_characters(letters: Path, run_command: Run) -> None:
    lines = run_command(train, str(letters)).stdout.splitlines()

    assert lines[0] == (
        "letters   2,160 characters to learn, 240 held out · 3 different ones · windows of 8 · "
        "seed 1"
    )
    told = [line for line in lines if line.startswith("epoch 2/2  loss ")]
    assert " nats per character  " in told[0]
    assert told[0].endswith(" characters/s")
    assert " nats per character (240 held out, 100.0% told right) in " in lines[-3]
    assert lines[-1].startswith("next  st generate runs/letters-1 --prompt abcabcab")


def test_text_goes_on_from_the_prompt(letters: Path, run_command: Run) -> None:
    run_command(train, str(letters))

    result = run_command(
        generate, "runs/letters-1", "--prompt", "ca", "--length", "7", "--temperature", "0"
    )

    assert (result.exit_code, result.stdout) == (0, "cabcabcab\n")


def test_seed_decides_the_text(letters: Path, run_command: Run) -> None:
    run_command(train, str(letters))
    arguments = ("runs/letters-1", "--prompt", "a", "--temperature", "9", "--seed", "4")

    texts = {run_command(generate, *arguments).stdout for _ in range(2)}

    assert len(texts) == 1
    assert len(texts.pop()) == 502


def test_interrupt_ends_the_line(
    letters: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_command(train, str(letters))
    call, asked = SavedModel.__call__, []

    def interrupted(self: SavedModel, x: object) -> object:
        asked.append(x)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return call(self, x)  # type: ignore[arg-type]  # as it comes

    monkeypatch.setattr(SavedModel, "__call__", interrupted)
    result = run_command(generate, "runs/letters-1", "--prompt", "a", "--temperature", "0")

    assert (result.exit_code, result.stdout) == (130, "abc\n")


def test_unknown_character_is_named(letters: Path, run_command: Run) -> None:
    run_command(train, str(letters))

    error = run_command(generate, "runs/letters-1", "--prompt", "abd").exception

    assert isinstance(error, generation.PromptError)
    assert "character 3 is 'd'" in str(error)


def test_run_of_rows_is_refused(experiment: Path, run_command: Run) -> None:
    run_command(train, str(experiment))

    error = run_command(generate, "runs/points-1", "--prompt", "a").exception

    assert isinstance(error, StError)
    assert "was not trained on a text" in str(error)


def test_run_of_text_is_evaluated_and_shown(letters: Path, run_command: Run) -> None:
    run_command(train, str(letters))
    Path("other.txt").write_text("abc" * 10 + "\n", encoding="utf-8")

    judged = run_command(evaluate, "runs/letters-1").stdout
    assert " nats per character (240 held out of " in judged
    assert '"characters": 240' in run_command(evaluate, "runs/letters-1", "--json").stdout
    assert "held out nats 0." in run_command(runs, "list").stdout
    error = run_command(evaluate, "runs/letters-1", "--data", "other.txt").exception
    assert isinstance(error, StError)
    assert "other.txt, line 1, column 31: '\\n'" in str(error)


def test_prediction_of_a_window_tells_the_next_character(letters: Path, run_command: Run) -> None:
    run_command(train, str(letters))

    lines = run_command(predict, "runs/letters-1", "--row", "2").stdout.splitlines()

    assert lines[0].endswith("abc.txt, learned from: after 'cabcabca' is 'b'")
    assert lines[1].startswith("says 'b'  ")
    assert (
        '"text": "cabcabca"'
        in run_command(predict, "runs/letters-1", "--row", "2", "--json").stdout
    )


def test_character_that_a_terminal_would_obey_is_shown(letters: Path, run_command: Run) -> None:
    run_command(train, str(letters))
    config = Path("runs/letters-1/model/config.json")
    text = config.read_text("utf-8")
    assert '"a"' in text
    config.write_text(text.replace('"a"', '"\\u001b"'), encoding="utf-8")

    result = run_command(
        generate, "runs/letters-1", "--prompt", "bc", "--length", "4", "--temperature", "0"
    )

    assert (result.exit_code, result.stdout) == (0, "bc\\x1bbc\\x1b\n")
