import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from st.core import StError
from st.nn.commands import runs, train

Run = Callable[..., Result]


@pytest.fixture
def trained(experiment: Path, run_command: Run) -> Path:
    for _ in range(2):
        assert run_command(train, str(experiment)).exit_code == 0
    return Path("runs/points-2")


def test_runs_are_listed_with_how_far_they_came(trained: Path, run_command: Run) -> None:
    titles, *lines = run_command(runs).stdout.splitlines()

    assert titles.split() == ["run", "started", "seed", "backend", "epochs"]
    assert [line.split()[0] for line in lines] == ["runs/points-1", "runs/points-2"]
    assert "  3     NumPy    4/4     loss " in lines[0]
    assert "held out accuracy" in lines[0]


def test_list_as_json_has_the_same_runs(trained: Path, run_command: Run) -> None:
    told = json.loads(run_command(runs, "list", "--json").stdout)

    assert [each["run"] for each in told] == ["runs/points-1", "runs/points-2"]
    assert {"loss", "held_out_accuracy"} <= set(told[0]["metrics"])


def test_no_runs_are_an_empty_list(tmp_path: Path, run_command: Run) -> None:
    assert run_command(runs, "--output", str(tmp_path)).stdout == f"no run in {tmp_path}\n"
    assert json.loads(run_command(runs, "--output", str(tmp_path), "--json").stdout) == []


def test_damaged_run_is_named_and_the_others_are_listed(trained: Path, run_command: Run) -> None:
    (trained / "model/config.json").write_text("{")

    result = run_command(runs)

    assert [line.split()[0] for line in result.stdout.splitlines()] == ["run", "runs/points-1"]
    assert result.stderr.startswith("not listed: runs/points-2/model/config.json is damaged")


def test_run_without_a_model_is_listed(trained: Path, run_command: Run) -> None:
    for path in (trained / "model").iterdir():
        path.unlink()
    (trained / "model").rmdir()

    assert "0/4" in run_command(runs).stdout.splitlines()[2]


def test_run_is_shown_with_what_it_was_made_of(trained: Path, run_command: Run) -> None:
    shown = dict(
        line.split(maxsplit=1)
        for line in run_command(runs, "show", str(trained)).stdout.splitlines()
    )

    assert shown["run"] == "runs/points-2"
    assert shown["file"].endswith("points.toml")
    assert (shown["seed"], shown["epochs"]) == ("3", "4/4")
    assert "st-nn" in shown["versions"]
    assert "asked for by name" in shown["backend"]


def test_shown_as_json_it_has_the_whole_configuration(trained: Path, run_command: Run) -> None:
    told = json.loads(run_command(runs, "show", str(trained), "--json").stdout)

    assert told["config"]["experiment"]["optimizer"] == {"type": "adam", "lr": 0.05}


def test_folder_that_is_no_run_is_refused(tmp_path: Path, run_command: Run) -> None:
    error = run_command(runs, "show", str(tmp_path)).exception

    assert isinstance(error, StError)
    assert "is no run directory" in str(error)
