import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from st.core import StError
from st.nn.commands import evaluate, train

Run = Callable[..., Result]


@pytest.fixture
def run(experiment: Path, run_command: Run) -> Path:
    assert run_command(train, str(experiment)).exit_code == 0
    return Path("runs/points-1")


def _json(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.exception
    told: dict[str, object] = json.loads(result.stdout)
    return told


def test_rows_held_out_are_judged_as_at_the_end_of_the_run(run: Path, run_command: Run) -> None:
    told = _json(run_command(evaluate, str(run), "--json"))

    config = json.loads((run / "model/config.json").read_text("utf-8"))
    assert told["metrics"] == {"accuracy": config["metrics"]["held_out_accuracy"]}
    assert (told["rows"], told["held_out"]) == (16, True)


def test_classes_are_listed_with_their_share(run: Path, run_command: Run) -> None:
    lines = run_command(evaluate, str(run)).stdout.splitlines()

    assert "of 16 rows held out of points.csv)" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["class", "over", "under"]
    rows = [int(line.split()[1]) for line in lines[2:]]
    assert sum(rows) == 16


def test_every_row_of_another_file_counts(run: Path, run_command: Run) -> None:
    # Only one class, and not the first: labels are the model's.
    Path("more.csv").write_text("a,b,c,d,side\n0,7,0,1,under\n0,6,0,0,under\n", encoding="utf-8")

    told = _json(run_command(evaluate, str(run), "--data", "more.csv", "--json"))

    assert (told["rows"], told["held_out"], told["data"]) == (2, False, "more.csv")
    assert told["classes"] == {"under": {"rows": 2, "correct": told["correct"]}}
    assert told["correct"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a,b,c,d,side\n1,2,3,4,left\n", "given 'left'", id="unknown class"),
        pytest.param("a,b,c,side\n1,2,3,over\n", "a shape of 3 numbers", id="fewer columns"),
        pytest.param("a,b,c,d\n1,2,3,4\n", "the name of a column", id="no target"),
    ],
)
def test_file_of_another_form_is_refused(
    run: Path, run_command: Run, text: str, message: str
) -> None:
    Path("other.csv").write_text(text, encoding="utf-8")

    error = run_command(evaluate, str(run), "--data", "other.csv").exception

    assert isinstance(error, StError)
    assert message in str(error)
