"""One run as it is being recorded: its files, its operators, its panels, and what went wrong."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from st.monitor.drain import Account
from st.monitor.instruments import Counter, Gauge, Histogram
from st.monitor.metrics import Metrics
from st.monitor.operators import Batch, Operators, batch
from st.monitor.panels import StoredPanel
from st.monitor.plain import Json
from st.monitor.sampling import Mode
from st.monitor.series import Series
from st.monitor.store.database import DatabaseWriter
from st.monitor.store.files import RunFiles
from st.monitor.store.journal import Entry, Journal
from st.monitor.store.trace import SPANS, TraceWriter

__all__ = ["Recording"]

MAX_FAULTS: Final = 20
MAX_SPAN_NAMES: Final = 1000
# Events that wait for the database; what is beyond is in events.jsonl alone.
MAX_WAITING: Final = 10_000

TRACE_ROW: Final = np.dtype(
    [("start", "<i8"), ("duration", "<i8"), ("row", "<u4"), ("thread", "<u4")]
)


# Connections that belong to the parent of a fork: closing one here would end its locks there.
_inherited: list[sqlite3.Connection] = []


class Recording:
    """Takes in what the drain and the bus hand over, and writes it; never raises for a file.

    Args:
        run_id: The run's name.
        directory: The run directory; the monitor's own is made in it.
        origin_s: What `time.perf_counter` said when the run started.
        metrics: Figures to store with it.
        warn: Called with the first fault, as a sentence.
        mode: How single operations are watched.
        n_bytes_of_trace: What the trace may take of the disk, and
        n_bytes_of_events: what the events may.
    """

    def __init__(
        self,
        run_id: str,
        directory: Path,
        origin_s: float,
        metrics: Metrics,
        warn: Callable[[str], None],
        mode: Mode,
        n_bytes_of_trace: int,
        n_bytes_of_events: int,
    ) -> None:
        self.run_id = run_id
        self.files = RunFiles(directory)
        self.mode = mode
        self.panels: dict[str, StoredPanel] = {}
        self.faults: list[str] = []
        self.operators = Operators()
        self.n_trace_lost = 0
        self._account: Account | None = None
        self._metrics = metrics
        self._warn = warn
        self._origin_s = origin_s
        self._spans: dict[str, int] = {}
        self._waiting: deque[Entry] = deque(maxlen=MAX_WAITING)
        self._counted: dict[int, int] = {}
        self._n_named = 0
        writer = f"{time.time_ns():x}-{os.getpid()}"
        info: dict[str, Json] = {"run_id": run_id, "pid": os.getpid(), "mode": mode}
        self._info = {**info, "origin_ns": round(origin_s * 1e9)}
        try:
            self.files.directory.mkdir(exist_ok=True)
        except OSError as error:
            self.fault(f"{self.files.directory} could not be made: {error.strerror or error}")
        self.journal = Journal(self.files.events, origin_s, n_bytes_of_events)
        self.database = DatabaseWriter(self.files.database, writer)
        self.trace = TraceWriter(self.files.trace, writer, self._info, n_bytes_of_trace)

    def fault(self, message: str) -> None:
        """Note what went wrong, once."""
        if message not in self.faults and len(self.faults) < MAX_FAULTS:
            self.faults.append(message)
            # One warning a run: what made the first file fail makes the others fail as well.
            if len(self.faults) == 1:
                self._warn(f"run '{self.run_id}': {message}")

    def write(self, entry: Entry) -> None:
        """Record an event."""
        numbered = self.journal.write(entry)
        if numbered is not None:
            self._waiting.append(numbered)
        self._note_journal()

    def _note_journal(self) -> None:
        if self.journal.fault:
            self.fault(self.journal.fault)

    # --- from the drain -------------------------------------------------------------------------

    def take_operations(
        self,
        names: Sequence[Sequence[Any]],
        start_ns: Sequence[object],
        end_ns: Sequence[object],
    ) -> None:
        """Count operations, and unless the mode is "count" time and trace them.

        Raises:
            TypeError, ValueError, OverflowError: They cannot be read; nothing was taken in.
        """
        # Not made into a list: tuples that are kept would set off the garbage collector.
        rows = self.operators.rows(zip(*names, strict=True), len(start_ns))
        if self.mode == "count":
            self.operators.count(rows)
            for row, n in enumerate(np.bincount(rows).tolist()):
                if n:
                    self._counted[row] = self._counted.get(row, 0) + n
            return
        taken = batch(rows, start_ns, end_ns)
        self.operators.add(taken)
        self._trace_operations(taken)

    def _trace_operations(self, taken: Batch) -> None:
        records = np.zeros(len(taken.rows), TRACE_ROW)
        records["start"], records["duration"] = taken.start_ns, taken.duration_ns
        records["row"] = taken.rows
        self._traced(self._new_names(), records.tobytes(), len(records))

    def _new_names(self) -> list[tuple[int, str, str, str]]:
        names = self.operators.names
        new = [(row, *names[row]) for row in range(self._n_named, len(names))]
        self._n_named = len(names)
        return new

    def take_spans(self, spans: Sequence[tuple[str, int, int, int]]) -> None:
        """Trace spans."""
        new = []
        records = np.zeros(len(spans), TRACE_ROW)
        for i, (name, start_ns, end_ns, thread) in enumerate(spans):
            if name not in self._spans and len(self._spans) < MAX_SPAN_NAMES:
                self._spans[name] = SPANS + len(self._spans)
                new.append((self._spans[name], name, "", ""))
            # The first name stands for those that come when there are too many.
            number = self._spans.get(name, SPANS)
            records[i] = (start_ns, max(end_ns - start_ns, 1), number, thread)
        self._traced(new, records.tobytes(), len(records))

    def _traced(self, names: list[tuple[int, str, str, str]], records: bytes, n: int) -> None:
        try:
            self.trace.write(names, records)
        except OSError as error:
            self.n_trace_lost += n
            self.fault(f"the trace could not be written: {error.strerror or error}")

    def flush(self) -> None:
        """Write what was counted since the last time."""
        if not self._counted:
            return
        try:
            self.trace.write_counts(self._new_names(), self._counted)
        except OSError as error:
            self.n_trace_lost += sum(self._counted.values())
            self.fault(f"the trace could not be written: {error.strerror or error}")
        self._counted = {}

    # --- as a whole -----------------------------------------------------------------------------

    def save(self, account: Account) -> None:
        """Write operators, metrics, events and the account to the database."""
        self._account = account
        waiting = list(self._waiting)
        try:
            with self.database as database:
                for number, (name, n, sketch) in enumerate(self.operators):
                    database.operator(number, *name, n, sketch)
                for metric in self._metrics.all():
                    match metric:
                        case Series():
                            database.series(metric)
                        case Counter() | Gauge() | Histogram():
                            kind = type(metric).__name__.lower()
                            database.figure(kind, metric.name, metric.to_json())
                database.events(waiting)
                database.account(self.facts())
        except (sqlite3.Error, OSError) as error:
            self.fault(f"run.db could not be written: {error}")
            return
        for _ in waiting:
            self._waiting.popleft()

    def facts(self) -> dict[str, Json]:
        """Return what is known of the watching, as JSON data."""
        facts: dict[str, Json] = {
            **self._info,
            "elapsed_s": perf_counter() - self._origin_s,
            "n_traced": self.trace.n_records,
            "n_trace_lost": self.n_trace_lost,
        }
        if self._account is not None:
            facts |= {"n_published": self._account.n_published, **self._account._asdict()}
        return facts

    def close(self) -> None:
        """Write the rest and close every file; what is given later is counted as lost."""
        self.journal.close()
        self._note_journal()
        self.flush()
        if self._account is not None and self.files.directory.is_dir():
            self.save(self._account)
        try:
            self.trace.close()
            self.database.close()
        except (OSError, sqlite3.Error) as error:
            self.fault(f"a file could not be closed: {error}")

    def forget(self) -> None:
        """Leave every file to the parent of a fork."""
        connection = self.database.forget()
        if connection is not None:
            _inherited.append(connection)
