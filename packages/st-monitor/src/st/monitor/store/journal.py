"""The record of a run: one event after another, one JSON object a line.

A line is written by one unbuffered call, so what a killed process had published is in the file,
and a line torn by a full disk or a kill costs that line alone::

    {"seq": 7, "time": "2026-11-22T10:04:05.120031+00:00", "elapsed_s": 0.5172,
     "event": "EpochEnd", "fields": {"epoch": 1, "loss": 0.731}}
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from st.core import ConfigChanged, Event
from st.monitor.plain import HIDDEN, Json, as_number, is_secret, plain

__all__ = ["Entry", "Journal", "entry_of", "read_journal"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it is recorded.

    Attributes:
        seq: Its number in the journal, from 1; 0 before it is in one.
        time: When it was published, ISO 8601 in UTC.
        elapsed_s: Seconds after the run started by a clock that never steps; less than 0 for
            what happened before.
        event: Name of the event.
        fields: Its fields as plain JSON data.
    """

    seq: int
    time: str
    elapsed_s: float
    event: str
    fields: dict[str, Json]


def entry_of(event: Event) -> Entry:
    """Return `event` as an entry whose `elapsed_s` is counted from the clock's own zero."""
    fields: dict[str, Json] = {}
    for name, value in zip(event.__match_args__, event.as_record(), strict=True):
        if isinstance(value, Event):
            nested = entry_of(value)
            fields[name] = {"event": nested.event, "fields": nested.fields}
        else:
            fields[name] = plain(value)
    if isinstance(event, ConfigChanged) and is_secret(str(event.key), event.value):
        fields["value"] = HIDDEN
    return Entry(
        seq=0,
        time=datetime.now(UTC).isoformat(timespec="microseconds"),
        elapsed_s=time.perf_counter(),
        event=str(plain(event.event_name)),
        fields=fields,
    )


# Without these a record says nothing of how the run went; they are written even when it is full.
LANDMARKS = frozenset({"RunStarted", "EpochStart", "EpochEnd", "RunFinished", "SystemShutdown"})


class Journal:
    """Appends entries to a file; never raises because of the file. Safe from any thread.

    Every entry given to :meth:`write` is recorded or lost: ``n_recorded + n_lost`` is the
    number of calls. `fault` is the first error met, as a sentence.

    Args:
        path: The file; its directory must exist. An existing file is continued.
        origin_s: What `time.perf_counter` said when the run started.
        n_bytes_most: From which size on only the landmarks of the run are written.
    """

    def __init__(self, path: Path, origin_s: float, n_bytes_most: int = 256 << 20) -> None:
        self.path = path
        self.n_recorded = 0
        self.n_lost = 0
        self.fault = ""
        self._origin_s = origin_s
        self._n_bytes_most = n_bytes_most
        self._n_bytes = 0
        # Re-entrant: a finalizer that runs inside may publish.
        self._lock = threading.RLock()
        self._seq = 0
        self._file: IO[bytes] | None = None
        self._torn = False
        self.open()

    def open(self) -> None:
        """Go on with the file, also after :meth:`close`; the entries are numbered on."""
        with self._lock:
            if self._file is not None:
                return
            try:
                self._torn = _ends_within_a_line(self.path)
                # Closed by close(), which the owner calls when the run ends or the plugin unloads.
                self._file = self.path.open("ab", buffering=0)
                self._n_bytes = os.fstat(self._file.fileno()).st_size
            except OSError as error:
                self._failed(error)

    def write(self, entry: Entry) -> Entry | None:
        """Record one entry, whose `elapsed_s` is counted from the clock's own zero.

        Returns:
            The entry as it is in the record, None when it was lost.
        """
        elapsed_s = round(entry.elapsed_s - self._origin_s, 6)
        with self._lock:
            self._seq += 1
            if self._file is None:
                self.n_lost += 1
                return None
            record: dict[str, Any] = {
                "seq": self._seq,
                "time": entry.time,
                "elapsed_s": elapsed_s,
                "event": entry.event,
                "fields": entry.fields,
            }
            line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
            if self._n_bytes + len(line) > self._n_bytes_most and entry.event not in LANDMARKS:
                self.n_lost += 1
                self._failed(OSError(f"it has reached {self._n_bytes_most >> 20} MiB"))
                return None
            try:
                # A line that was cut short is ended first: only the two would be unreadable.
                data = b"\n" + line if self._torn else line
                written = self._file.write(data)
                if written != len(data):
                    raise OSError(f"{written} of {len(data)} bytes written, the disk may be full")
            except OSError as error:
                self._torn = True
                self.n_lost += 1
                self._failed(error)
                return None
            self._torn = False
            self._n_bytes += len(data)
            self.n_recorded += 1
            return Entry(**record)

    def close(self) -> None:
        """Close the file. Entries given later are counted as lost; closing again does nothing."""
        with self._lock:
            if self._file is None:
                return
            try:
                # A file that was deleted under us took every line with it.
                if os.fstat(self._file.fileno()).st_nlink == 0:
                    self.n_lost += self.n_recorded
                    self.n_recorded = 0
                    self._failed(FileNotFoundError(f"{self.path} was deleted during the run"))
                self._file.close()
            except OSError as error:
                self._failed(error)
            self._file = None

    def _failed(self, error: OSError) -> None:
        self.fault = (
            self.fault or f"{self.path.name} could not be written: {error.strerror or error}"
        )


def read_journal(path: Path) -> Iterator[Entry | None]:
    """Yield the entries of a file in order, None for each line that is not one.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield _entry(line)


def _entry(line: bytes) -> Entry | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match record:
        case {
            "seq": int(seq),
            "time": str(moment),
            "elapsed_s": int() | float() as elapsed_s,
            "event": str(event),
            "fields": dict(fields),
        }:
            seconds = as_number(elapsed_s)
            if seconds is not None and math.isfinite(seconds):
                return Entry(seq, moment, seconds, event, fields)
    return None


def _ends_within_a_line(path: Path) -> bool:
    """Whether the file is there and its last line was torn."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False
