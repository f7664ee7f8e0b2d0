"""The record of events: order, completeness, and every fault a file can have."""

import errno
import json
import os
import shutil
import threading
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.core import ConfigChanged, CustomEvent, EpochEnd, Event, ListenerFailed, PluginEvent
from st.monitor.store.journal import Entry, Journal, entry_of, read_journal


class FullDisk(type(Path())):  # type: ignore[misc]  # the class of paths here
    """A file on a disk with room for so many bytes: a write is cut short, the next refused."""

    room = 0

    def open(self, mode: str, buffering: int = -1) -> Any:
        file = super().open(mode, buffering)
        if mode == "ab":
            return CutShort(self, file)
        return file


class CutShort:
    def __init__(self, disk: FullDisk, file: IO[bytes]) -> None:
        self.disk = disk
        self.file = file

    def write(self, data: bytes) -> int:
        if self.disk.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: self.disk.room]
        self.disk.room -= len(part)
        return self.file.write(part)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def record(path: Path, *events: Event) -> Journal:
    journal = Journal(path, 0.0)
    for event in events:
        journal.write(entry_of(event))
    journal.close()
    return journal


def entries(path: Path) -> list[Entry]:
    return [entry for entry in read_journal(path) if entry is not None]


def test_what_is_read_is_what_was_published_in_order(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    journal = record(path, *(EpochEnd(epoch, 1 / epoch) for epoch in range(1, 51)))

    read = entries(path)

    assert [entry.seq for entry in read] == list(range(1, 51))
    assert [entry.fields for entry in read] == [{"epoch": e, "loss": 1 / e} for e in range(1, 51)]
    assert (journal.n_recorded, journal.n_lost, journal.fault) == (50, 0, "")


def test_line_is_in_the_file_before_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path, 0.0)
    journal.write(entry_of(EpochEnd(1, 0.5)))

    found = path.read_bytes()
    journal.close()

    assert found.endswith(b'"event":"EpochEnd","fields":{"epoch":1,"loss":0.5}}\n')


def test_every_line_is_strict_json_also_for_nan(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    record(path, EpochEnd(1, float("nan")), EpochEnd(2, float("inf")))

    lines = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]

    assert [line["fields"]["loss"] for line in lines] == ["NaN", "Infinity"]


@given(name=st.text(), value=st.text())
def test_hostile_text_stays_on_its_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: str
) -> None:
    path = tmp_path_factory.mktemp("journal") / "events.jsonl"
    record(path, CustomEvent(name, {name: value}), EpochEnd(1, 0.5))

    hostile, after = entries(path)

    assert hostile.fields["event_type"] == name
    assert after.event == "EpochEnd"


def test_threads_lose_nothing_and_tear_no_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path, 0.0)
    start = threading.Barrier(4)

    def publish(first: int) -> None:
        start.wait()
        for epoch in range(first, first + 200):
            journal.write(entry_of(EpochEnd(epoch, 0.5)))

    threads = [threading.Thread(target=publish, args=(first,)) for first in (0, 200, 400, 600)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()

    read = entries(path)
    assert [entry.seq for entry in read] == list(range(1, 801))
    assert sorted(entry.fields["epoch"] for entry in read) == list(range(800))  # type: ignore[type-var]  # integers


@pytest.mark.parametrize("cut", [1, 20, 60], ids="{} bytes short".format)
def test_torn_last_line_costs_that_line_alone(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "events.jsonl"
    record(path, EpochEnd(1, 0.5), EpochEnd(2, 0.25))
    os.truncate(path, path.stat().st_size - cut)
    record(path, EpochEnd(3, 0.125))

    epochs = [entry.fields["epoch"] for entry in entries(path)]

    assert epochs == ([1, 2, 3] if cut == 1 else [1, 3])


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe binary noise",
        b"[" * 100_000,
        b'{"seq":1}',
        b'{"seq":"1","time":"","elapsed_s":0,"event":"E","fields":{}}',
        b"null",
    ],
    ids=["noise", "deep", "short", "wrong type", "null"],
)
def test_line_that_is_no_entry_is_read_as_none(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line + b"\n")

    assert list(read_journal(path)) == [None]


def test_full_disk_is_counted_and_what_comes_later_is_readable(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path / "events.jsonl")
    disk.room = 300
    journal = Journal(disk, 0.0)
    for epoch in range(1, 6):
        journal.write(entry_of(EpochEnd(epoch, 0.5)))
    disk.room = 10_000
    journal.write(entry_of(EpochEnd(6, 0.5)))
    journal.close()

    assert [entry.fields["epoch"] for entry in entries(disk)] == [1, 2, 6]
    assert (journal.n_recorded, journal.n_lost) == (3, 3)
    assert "the disk may be full" in journal.fault


def test_directory_that_is_not_there_is_counted_not_raised(tmp_path: Path) -> None:
    journal = record(tmp_path / "absent" / "events.jsonl", EpochEnd(1, 0.5), EpochEnd(2, 0.5))

    assert (journal.n_recorded, journal.n_lost) == (0, 2)
    assert "No such file" in journal.fault


def test_file_deleted_during_the_run_is_counted_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "run" / "events.jsonl"
    path.parent.mkdir()
    journal = Journal(path, 0.0)
    journal.write(entry_of(EpochEnd(1, 0.5)))
    shutil.rmtree(path.parent)
    journal.write(entry_of(EpochEnd(2, 0.5)))
    journal.close()

    assert (journal.n_recorded, journal.n_lost) == (0, 2)
    assert "was deleted during the run" in journal.fault


def test_what_comes_after_closing_is_counted_as_lost(tmp_path: Path) -> None:
    journal = record(tmp_path / "events.jsonl", EpochEnd(1, 0.5))
    journal.write(entry_of(EpochEnd(2, 0.5)))
    journal.close()

    assert (journal.n_recorded, journal.n_lost) == (1, 1)


def test_event_inside_an_event_is_named() -> None:
    failed = ListenerFailed(EpochEnd(1, 0.5), "louder", ValueError("no voice"))

    assert entry_of(failed).fields == {
        "event": {"event": "EpochEnd", "fields": {"epoch": 1, "loss": 0.5}},
        "plugin_id": "louder",
        "error": "ValueError: no voice",
    }


def test_custom_event_is_recorded_under_its_own_name() -> None:
    assert entry_of(PluginEvent.custom("Saved", {"path": "model"})).event == "Saved"


def test_secret_that_is_configured_is_not_recorded() -> None:
    assert entry_of(ConfigChanged("hub", "token", "abc")).fields["value"] == "(hidden)"


def test_full_journal_goes_on_with_the_landmarks_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path, 0.0, n_bytes_most=2000)
    for epoch in range(30):
        journal.write(entry_of(PluginEvent.custom("Chatter", "x" * 100)))
        journal.write(entry_of(EpochEnd(epoch, 0.5)))
    journal.close()

    names = [entry.event for entry in entries(path)]
    assert names.count("EpochEnd") == 30
    assert names.count("Chatter") < 10
    assert journal.n_recorded + journal.n_lost == 60
    assert "has reached" in journal.fault
