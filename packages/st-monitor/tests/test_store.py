"""The monitor's files, written and read back."""

from pathlib import Path

import pytest

from st.core import EpochEnd
from st.monitor import NoRecordError, read_run
from st.monitor.store.files import RunFiles, write_json, write_text
from st.monitor.store.journal import Journal, entry_of


@pytest.fixture
def files(run: Path) -> RunFiles:
    """A run with one recorded event and nothing else."""
    files = RunFiles(run)
    files.directory.mkdir()
    journal = Journal(files.events, 0.0)
    journal.write(entry_of(EpochEnd(1, 0.5)))
    journal.close()
    return files


def test_run_is_read_from_its_events_alone(files: RunFiles) -> None:
    recorded = read_run(files.run)

    assert [entry.event for entry in recorded.entries] == ["EpochEnd"]
    assert (recorded.panels, recorded.summary, recorded.faults) == ((), {}, ())


def test_panels_and_summary_are_read_when_they_are_there(files: RunFiles) -> None:
    write_json(files.panels, {"panels": [{"title": "Sizes"}]})
    write_json(files.summary, {"plugins": []})

    recorded = read_run(files.run)

    assert recorded.panels == ({"title": "Sizes"},)
    assert recorded.summary == {"format": 1, "plugins": []}


def test_directory_without_record_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(NoRecordError, match=r"expected .*events\.jsonl"):
        read_run(tmp_path)


@pytest.mark.parametrize("damage", [b"{", b"\xff", b"[" * 100_000], ids=["cut", "noise", "deep"])
def test_damaged_file_is_named_and_left_out(files: RunFiles, damage: bytes) -> None:
    files.panels.write_bytes(damage)

    recorded = read_run(files.run)

    assert len(recorded.entries) == 1
    assert [fault.partition(" is")[0] for fault in recorded.faults] == ["panels.json"]


@pytest.mark.parametrize("other", [b"[]", b'{"panels": 3}', b"7"], ids=["list", "number", "7"])
def test_file_of_another_form_is_read_as_empty(files: RunFiles, other: bytes) -> None:
    files.panels.write_bytes(other)

    assert read_run(files.run).panels == ()


def test_unreadable_lines_are_counted(files: RunFiles) -> None:
    with files.events.open("ab") as file:
        file.write(b'{"seq": 2, "time')

    assert read_run(files.run).faults == ("1 of 2 lines of events.jsonl are unreadable",)


def test_writing_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_text(path, "first")
    write_text(path, "second")

    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "second"


def test_failed_writing_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.mkdir()

    with pytest.raises(OSError, match=r"report\.html"):
        write_text(path, "new")

    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]
