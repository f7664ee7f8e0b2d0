"""Trace segments: what was written is read, whatever became of the file."""

import errno
import struct
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.store.trace import RECORD, SPANS, TraceWriter, read_trace

NAMES = [(0, "matmul", "NumPy", "body.0"), (1, "add", "NumPy", "")]


def records(first: int, n: int) -> bytes:
    return b"".join(RECORD.pack(first + i, 5, (first + i) % 2, 0) for i in range(n))


def writer(directory: Path, n_bytes_most: int = 1 << 20, segment: int = 1 << 20) -> TraceWriter:
    return TraceWriter(directory / "trace", "1-1", {"run_id": "r"}, n_bytes_most, segment)


def segments(directory: Path) -> list[Path]:
    return sorted((directory / "trace").iterdir())


def starts(directory: Path) -> list[int]:
    return [record.start_ns for record in read_trace(segments(directory)).records()]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    trace = writer(tmp_path)
    trace.write(NAMES, records(0, 3))
    trace.write([(SPANS, "load", "", "")], RECORD.pack(9, 4, SPANS, 77))
    trace.close()

    read = read_trace(segments(tmp_path))

    told = [(r.name, r.backend, r.where, r.start_ns, r.thread, r.is_span) for r in read.records()]
    assert told == [
        ("matmul", "NumPy", "body.0", 0, 0, False),
        ("add", "NumPy", "", 1, 0, False),
        ("matmul", "NumPy", "body.0", 2, 0, False),
        ("load", "", "", 9, 77, True),
    ]
    assert (read.info, read.faults) == ({"run_id": "r"}, [])


def test_counts_are_read_back_by_name(tmp_path: Path) -> None:
    trace = writer(tmp_path)
    trace.write_counts(NAMES, {0: 3, 1: 4})
    trace.write_counts([], {1: 5})
    trace.close()

    assert [(name[0], n) for name, n in read_trace(segments(tmp_path)).counts()] == [
        ("matmul", 3),
        ("add", 4),
        ("add", 5),
    ]


@given(cut=st.integers(1, 200))
def test_torn_last_chunk_costs_that_chunk_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    directory = tmp_path_factory.mktemp("torn")
    trace = writer(directory)
    trace.write(NAMES, records(0, 10))
    trace.write([], records(10, 10))
    trace.close()
    [path] = segments(directory)
    path.write_bytes(path.read_bytes()[:-cut])

    assert starts(directory) == list(range(10))
    assert len(read_trace([path]).faults) == 1


@given(data=st.data())
def test_damaged_bytes_never_become_records(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("damaged")
    trace = writer(directory)
    for first in range(0, 50, 10):
        trace.write(NAMES if first == 0 else [], records(first, 10))
    trace.close()
    [path] = segments(directory)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))

    read = starts(directory)

    # One chunk at most is lost, and the rest is as it was.
    assert len(read) in (40, 50)
    assert set(read) <= set(range(50))


def test_every_segment_can_be_read_alone(tmp_path: Path) -> None:
    trace = writer(tmp_path, 1 << 20, segment=4096)
    for first in range(0, 1000, 100):
        trace.write(NAMES if first == 0 else [], records(first, 100))
    trace.close()

    last = segments(tmp_path)[-1]

    assert len(segments(tmp_path)) > 3
    assert {record.name for record in read_trace([last]).records()} == {"matmul", "add"}


def test_disk_that_may_be_used_is_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    trace = writer(tmp_path, n_bytes_most=20_000, segment=4096)
    for first in range(0, 5000, 100):
        trace.write(NAMES if first == 0 else [], records(first, 100))
    trace.close()

    assert sum(path.stat().st_size for path in segments(tmp_path)) < 20_000 + 4096 + 2500
    assert starts(tmp_path)[-1] == 4999
    assert starts(tmp_path)[0] > 0


class FullDisk(type(Path())):  # type: ignore[misc]  # the class of paths here
    """A directory on a disk with room for so many bytes."""

    room: int

    def __truediv__(self, name: str) -> Any:
        path = super().__truediv__(name)
        path.disk = self
        return path

    def open(self, mode: str, buffering: int = -1) -> Any:
        return CutShort(self.disk, super().open(mode, buffering))


class CutShort:
    def __init__(self, disk: Any, file: IO[bytes]) -> None:
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


def test_full_disk_costs_what_found_no_room(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path / "trace")
    disk.room = 1000
    trace = TraceWriter(disk, "1-1", {}, 1 << 20)
    trace.write(NAMES, records(0, 10))
    with pytest.raises(OSError, match="the disk may be full"):
        trace.write([], records(10, 100))
    disk.room = 10_000
    trace.write([], records(110, 10))
    trace.close()

    assert starts(tmp_path) == [*range(10), *range(110, 120)]
    assert read_trace(segments(tmp_path)).faults == []


@pytest.mark.parametrize(
    "content",
    [b"", b"STTRACE1", b"nothing of ours" * 100, b"STTRACE1CHNK" + struct.pack("<I", 2**31) * 9],
    ids=["empty", "header", "foreign", "endless"],
)
def test_what_is_no_segment_reads_as_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1-1-0001.seg"
    path.write_bytes(content)

    assert list(read_trace([path]).records()) == []
