"""Single operations and spans, one after the other, in files that survive being killed.

A segment is a header and chunks. A chunk is written by one call and carries its length and its
CRC-32, so what was cut short or overwritten is recognised and left out; the rest is read. Each
segment can be read alone. When one is full the next begins, and when all are too large the
oldest goes.

=======  ======================================================================================
segment  ``STTRACE1``, then chunks
chunk    ``CHNK``, kind (1 byte), 3 unused, length, CRC-32 of what follows, number of the first
         record in it (8 bytes); little-endian
I        JSON: process, clock, run
N        JSON: [[number, operator, backend, place], …]; spans count from 65536 and have a name
R        records: start (ns), duration (ns), number, thread (0: unknown)
C        counts: number, operations since the last such chunk
=======  ======================================================================================
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from st.monitor.plain import Json

__all__ = ["RECORD", "SPANS", "Trace", "TraceFault", "TraceRecord", "TraceWriter", "read_trace"]

SIGNATURE: Final = b"STTRACE1"
CHUNK: Final = struct.Struct("<4sc3xIIq")
MARK: Final = b"CHNK"
RECORD: Final = struct.Struct("<qqII")
COUNT: Final = struct.Struct("<Iq")
# Numbers of spans begin here, those of operators are below.
SPANS: Final = 1 << 16
SEGMENT_BYTES: Final = 8 << 20

Names = Sequence[tuple[int, str, str, str]]


class TraceWriter:
    """Appends chunks to the segments of one process; every error is the caller's to handle.

    Args:
        directory: Where the segments are; made when the first one is.
        writer: What tells this process's segments from others'.
        info: What each segment says of its origin.
        n_bytes_most: Of all segments together, those of one chunk more at most.
        segment_bytes: From which size on the next segment begins.
    """

    def __init__(
        self,
        directory: Path,
        writer: str,
        info: Mapping[str, Json],
        n_bytes_most: int,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.n_records = 0
        self._directory = directory
        self._writer = writer
        self._info = json.dumps(dict(info)).encode()
        self._n_bytes_most = n_bytes_most
        self._segment_bytes = min(segment_bytes, max(n_bytes_most // 4, 4096))
        self._segments: list[tuple[Path, int]] = []
        self._names: list[tuple[int, str, str, str]] = []
        self._file: IO[bytes] | None = None
        self._n_segments = 0

    def write(self, names: Names, records: bytes) -> None:
        """Write names that are new and records that refer to known ones.

        Raises:
            OSError: They could not be written; what was there before can still be read.
        """
        self._write_names(names)
        self._append(b"R", records)
        self.n_records += len(records) // RECORD.size

    def write_counts(self, names: Names, counts: Mapping[int, int]) -> None:
        """Write how many operations there were of which no time is known.

        Raises:
            OSError: They could not be written; what was there before can still be read.
        """
        self._write_names(names)
        self._append(b"C", b"".join(COUNT.pack(row, n) for row, n in counts.items()))
        self.n_records += sum(counts.values())

    def close(self) -> None:
        """Close the last segment.

        Raises:
            OSError: The system refuses even that.
        """
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_names(self, names: Names) -> None:
        if names:
            # Kept first: a segment that begins now writes all that are kept.
            self._names.extend(names)
            self._append(b"N", json.dumps(list(names)).encode())

    def _append(self, kind: bytes, data: bytes) -> None:
        if self._file is None or self._segments[-1][1] >= self._segment_bytes:
            self._begin()
        self._write(kind, data)

    def _begin(self) -> None:
        self.close()
        self._n_segments += 1
        path = self._directory / f"{self._writer}-{self._n_segments:04}.seg"
        # A run that vanishes stays so: only the last directory is made.
        self._directory.mkdir(exist_ok=True)
        # Closed by close() or when the next one begins.
        self._file = path.open("xb", buffering=0)
        self._segments.append((path, 0))
        self._put(SIGNATURE)
        self._write(b"I", self._info)
        if self._names:
            self._write(b"N", json.dumps(self._names).encode())
        while len(self._segments) > 1 and self.n_bytes > self._n_bytes_most:
            self._segments.pop(0)[0].unlink(missing_ok=True)

    @property
    def n_bytes(self) -> int:
        """Size of the segments that are kept."""
        return sum(size for _, size in self._segments)

    def _write(self, kind: bytes, data: bytes) -> None:
        head = CHUNK.pack(MARK, kind, len(data), zlib.crc32(data), self.n_records)
        self._put(head + data)

    def _put(self, data: bytes) -> None:
        if self._file is None:
            raise OSError("the segment was closed")
        path, size = self._segments[-1]
        try:
            written = self._file.write(data)
            if written != len(data):
                raise OSError(f"{written} of {len(data)} bytes written, the disk may be full")
        except OSError:
            # The next chunk follows the last whole one; where that fails, readers skip the rest.
            self._file.seek(size)
            self._file.truncate(size)
            raise
        self._segments[-1] = (path, size + len(data))


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One operation or span.

    Attributes:
        name: What it was: of an operator its name, of a span the name it was given.
        backend: Where it ran, "" for a span.
        where: Path of the module it belongs to, "" outside one.
        start_ns: When it began, by the recording process's `time.perf_counter_ns`.
        duration_ns: How long it took.
        thread: The thread of a span, 0 for operators.
        is_span: Whether it is one.
    """

    name: str
    backend: str
    where: str
    start_ns: int
    duration_ns: int
    thread: int
    is_span: bool


@dataclass(frozen=True, slots=True)
class TraceFault:
    """Bytes of a segment that could not be read."""

    path: Path
    n_bytes: int


@dataclass(slots=True)
class Trace:
    """What the segments of one process hold, in the order of writing.

    Attributes:
        info: Of its origin.
        chunks: Number of the first record, kind, content of each chunk of records or counts.
        names: Operator, backend and place by number.
        faults: What could not be read.
    """

    info: dict[str, Json] = field(default_factory=dict)
    chunks: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    names: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    faults: list[TraceFault] = field(default_factory=list)

    def records(self, first: int = 0) -> Iterator[TraceRecord]:
        """Give the records from number `first` on."""
        for number, kind, data in self.chunks:
            if kind == b"R" and number >= first:
                for start_ns, duration_ns, row, thread in RECORD.iter_unpack(_whole(data, RECORD)):
                    name, backend, where = self.names.get(row, ("?", "", ""))
                    is_span = row >= SPANS
                    yield TraceRecord(name, backend, where, start_ns, duration_ns, thread, is_span)

    def counts(self, first: int = 0) -> Iterator[tuple[tuple[str, str, str], int]]:
        """Give operator, backend, place and number of what was only counted."""
        for number, kind, data in self.chunks:
            if kind == b"C" and number >= first:
                for row, n in COUNT.iter_unpack(_whole(data, COUNT)):
                    yield self.names.get(row, ("?", "", "")), n

    @property
    def n_records(self) -> int:
        """Records in all chunks."""
        return sum(len(data) // RECORD.size for _, kind, data in self.chunks if kind == b"R")


def _whole(data: bytes, layout: struct.Struct) -> bytes:
    return data[: len(data) // layout.size * layout.size]


def read_trace(segments: Sequence[Path]) -> Trace:
    """Read the segments of one process, whatever has become of them.

    Raises:
        OSError: A segment cannot be read at all.
    """
    trace = Trace()
    for path in segments:
        data = path.read_bytes()
        for first, kind, content in _chunks(path, data, trace.faults):
            if kind in b"RC":
                trace.chunks.append((first, kind, content))
            elif kind == b"I":
                info = _parsed(content)
                trace.info = info if isinstance(info, dict) else trace.info
            elif kind == b"N":
                trace.names.update(_names(_parsed(content)))
    return trace


def _chunks(
    path: Path, data: bytes, faults: list[TraceFault]
) -> Iterator[tuple[int, bytes, bytes]]:
    at = len(SIGNATURE) if data.startswith(SIGNATURE) else 0
    while at < len(data):
        chunk = _chunk(data, at)
        if chunk is not None:
            at += CHUNK.size + len(chunk[2])
            yield chunk
            continue
        # Damage: go on with the next whole chunk, wherever it is.
        found = data.find(MARK, at + 1)
        while found >= 0 and _chunk(data, found) is None:
            found = data.find(MARK, found + 1)
        end = found if found >= 0 else len(data)
        faults.append(TraceFault(path, end - at))
        at = end


def _chunk(data: bytes, at: int) -> tuple[int, bytes, bytes] | None:
    if len(data) - at < CHUNK.size:
        return None
    mark, kind, length, crc, first = CHUNK.unpack_from(data, at)
    content = data[at + CHUNK.size : at + CHUNK.size + length]
    if mark != MARK or len(content) != length or zlib.crc32(content) != crc:
        return None
    return first, kind, content


def _parsed(content: bytes) -> Json:
    try:
        parsed: Json = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed


def _names(stored: Json) -> Iterator[tuple[int, tuple[str, str, str]]]:
    for row in stored if isinstance(stored, list) else []:
        match row:
            case [int(number), str(op), str(backend), str(where)]:
                yield number, (op, backend, where)
