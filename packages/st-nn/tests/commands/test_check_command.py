import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from st.core import StError
from st.nn.commands import check
from st.nn.faults import TIMES
from st.nn.model import Model

Run = Callable[..., Result]
TEN = Path(__file__).parents[1] / "experiment/ten_faults.toml"


@pytest.fixture
def ten_faults(experiment: Path) -> Path:
    return Path(shutil.copy(TEN, experiment.with_name("ten_faults.toml")))


def test_sound_file_is_described(experiment: Path, run_command: Run) -> None:
    came = run_command(check, str(experiment))

    assert came.exit_code == 0, came.exception
    lines = came.stdout.splitlines()
    assert lines[0] == f"{experiment}: no faults"
    assert lines[1] == f"48 rows of 2{TIMES}2 to learn from, 16 held out, 2 classes"
    assert lines[-1].startswith("44 parameters in 176 B; one example: ")
    assert json.loads(run_command(check, str(experiment), "--json").stdout) == {
        "file": str(experiment),
        "sound": True,
        "faults": [],
    }


def test_ten_faults_are_ten_findings_before_anything_is_allocated(
    ten_faults: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "initialise", lambda *_: pytest.fail("allocated"))

    came = run_command(check, str(ten_faults), "--json")

    assert came.exit_code == 2
    told = json.loads(came.stdout)
    planted = [
        number
        for number, line in enumerate(ten_faults.read_text(encoding="utf-8").splitlines(), 1)
        if number > 1 and "#" in line
    ]
    assert len(planted) == 10
    assert [fault["line"] for fault in told["faults"]] == planted
    assert all(fault["path"] and fault["expected"] and fault["given"] for fault in told["faults"])
    assert [fault["nearest"] for fault in told["faults"] if fault["nearest"]] == [
        "epochs",
        "numpy",
        "cross_entropy",
        "flatten",
        "flat",
        "relu",
    ]
    assert told["faults"][-1]["expected"] == "an input of shape (b,4)"
    assert told["faults"][-1]["given"] == "(b,5)"


def test_ten_faults_are_one_error_for_people(ten_faults: Path, run_command: Run) -> None:
    error = run_command(check, str(ten_faults)).exception

    assert isinstance(error, StError)
    assert str(error).splitlines()[0] == f"{ten_faults}: 10 faults, nothing was started"


def test_file_that_is_no_toml_is_one_fault(experiment: Path, run_command: Run) -> None:
    experiment.write_text("seed = 3\nepochs = = 4\n", encoding="utf-8")

    told = json.loads(run_command(check, str(experiment), "--json").stdout)

    (fault,) = told["faults"]
    assert (fault["line"], fault["column"], fault["expected"]) == (2, 10, "TOML")


def test_nothing_is_computed(experiment: Path, run_command: Run) -> None:
    before = set(experiment.parent.rglob("*"))
    state = np.random.get_state()[1].copy()

    run_command(check, str(experiment))

    assert set(experiment.parent.rglob("*")) == before
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_values_can_be_set_beside_the_file(experiment: Path, run_command: Run) -> None:
    came = run_command(check, str(experiment), "--set", "model.2.out_features=9")

    assert "(b,9)" in came.stdout
    error = run_command(check, str(experiment), "--set", "epochs=0").exception
    assert "epochs: expected a whole number, at least 1" in str(error)
