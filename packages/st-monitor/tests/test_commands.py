"""`st monitor`, run as click runs it."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from st.core import EpochEnd, PluginEvent, Registry, RunFinished, RunStarted, Telemetry
from st.monitor import NoRecordError
from st.monitor.commands import DamagedRecordError, ReportError, monitor
from st.monitor.web.guard import ExposedError


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


def test_top_shows_the_run_once(recorded: Path) -> None:
    shown = st("top", "--once", recorded).output

    assert "digits-1" in shown
    assert "finished" in shown
    assert "training loss" in shown


@pytest.mark.parametrize("command", [("top", "--once"), ("verify",), ("graph",), ("compare",)])
def test_no_view_lets_a_name_command_the_terminal(
    registry: Registry, run: Path, command: tuple[str, ...]
) -> None:
    bad = "\x1b]0;owned\x07[red]\u202e"
    registry.bus.publish(RunStarted(bad, str(run), {bad: bad}, {bad: bad}, 7))
    for epoch in (1, 2):
        registry.bus.publish(EpochEnd(epoch, 0.5))
        registry.bus.publish(Telemetry({bad: 0.5}))
    registry.bus.publish(RunFinished(bad, "failed", {"error": bad, bad: 1.0}))
    runs = [run, run] if command == ("compare",) else [run]

    result = st(*command, *runs)

    assert result.exit_code == 0
    assert not any(character in result.output for character in "\x1b\x07\u202e")


def test_graph_is_written_as_a_picture(recorded: Path, tmp_path: Path) -> None:
    picture = tmp_path / "graph.svg"

    result = st("graph", "--format", "svg", "--output", picture, recorded)

    assert result.exit_code == 0
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("kind", ["jsonl", "csv", "chrome"])
def test_export_writes_where_it_is_asked_to(recorded: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"

    result = st("export", "--format", kind, "--output", path, recorded)

    assert result.output == f"{path}\n"
    assert path.stat().st_size > 0


def test_compare_tells_two_runs_apart(recorded: Path) -> None:
    assert "finished" in st("compare", recorded, recorded).output


def test_damaged_record_does_not_verify(recorded: Path) -> None:
    (recorded / "monitor" / "run.db").write_bytes(b"nothing of ours" * 100)

    result = st("verify", recorded)

    assert isinstance(result.exception, DamagedRecordError)
    assert "BAD  run.db" in result.output


def test_serving_to_others_needs_to_be_asked_for(recorded: Path) -> None:
    result = st("serve", "--host", "192.0.2.1", recorded)

    assert isinstance(result.exception, ExposedError)
    assert "add --expose if that is intended" in str(result.exception)


def test_serve_prints_an_address_that_shows_the_run(recorded: Path) -> None:
    code = "import sys; from st.monitor.commands import monitor; monitor(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(recorded)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()

    with urllib.request.urlopen(address, timeout=20) as page:
        content = page.read().decode()

    process.terminate()
    process.communicate()
    assert "digits-1" in content
