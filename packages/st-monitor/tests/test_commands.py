"""`st monitor`, run as click runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from st.core import EpochEnd, PluginEvent, Registry, RunFinished, RunStarted
from st.monitor import NoRecordError
from st.monitor.commands import ReportError, monitor


@pytest.fixture
def recorded(registry: Registry, run: Path) -> Path:
    """A run that finished."""
    registry.bus.publish(RunStarted(run.name, str(run), {}, {}, 7))
    registry.bus.publish(EpochEnd(1, float("nan")))
    registry.bus.publish(PluginEvent.custom("Escape", "\x1b[2J"))
    registry.bus.publish(RunFinished(run.name, "finished", {}))
    return run


def st(*arguments: object) -> Result:
    return CliRunner().invoke(monitor, [str(argument) for argument in arguments])


def test_report_is_made_anew_where_it_belongs(recorded: Path) -> None:
    report = recorded / "monitor" / "report.html"
    report.unlink()

    result = st("report", recorded)

    assert result.output == f"{report}\n"
    assert report.exists()


def test_report_is_written_where_it_is_asked_for(recorded: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.html"

    assert st("report", recorded, "--output", elsewhere).exit_code == 0
    assert elsewhere.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_directory_without_record_is_one_clear_error(tmp_path: Path) -> None:
    result = st("report", tmp_path)

    assert isinstance(result.exception, NoRecordError)
    assert "no record of a run in" in str(result.exception)


def test_report_that_cannot_be_written_is_one_clear_error(recorded: Path, tmp_path: Path) -> None:
    result = st("report", recorded, "--output", tmp_path / "absent" / "report.html")

    assert isinstance(result.exception, ReportError)
    assert "choose another place by --output" in str(result.exception)


def test_events_are_listed_as_json_lines(recorded: Path) -> None:
    lines = [json.loads(line) for line in st("events", recorded, "--json").stdout.splitlines()]

    assert [line["event"] for line in lines][-4:] == [
        "RunStarted",
        "EpochEnd",
        "Escape",
        "RunFinished",
    ]
    assert lines[-3]["fields"] == {"epoch": 1, "loss": "NaN"}


def test_listed_events_cannot_command_the_terminal(recorded: Path) -> None:
    shown = st("events", recorded).stdout

    assert "\x1b" not in shown
    assert "␛[2J" in shown


def test_damage_of_the_record_is_told_on_standard_error(recorded: Path) -> None:
    with (recorded / "monitor" / "events.jsonl").open("ab") as file:
        file.write(b"{torn")

    assert "lines of events.jsonl are unreadable" in st("events", recorded).stderr


def test_report_is_made_without_anything_that_trains(recorded: Path) -> None:
    code = (
        "import sys; from st.monitor import write_report; from pathlib import Path;"
        "write_report(Path(sys.argv[1])); "
        "print([name for name in sys.modules if name in ('st.nn', 'numpy', 'click')])"
    )

    told = subprocess.run(
        [sys.executable, "-c", code, str(recorded)], capture_output=True, text=True, check=True
    )

    assert told.stdout == "[]\n"
