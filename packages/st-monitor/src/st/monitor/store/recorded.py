"""What a run left behind, read back from its directory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from st.core import StError
from st.monitor.panels import StoredPanel
from st.monitor.plain import Json, as_number
from st.monitor.sketch import Sketch
from st.monitor.store.database import StoredOperator, StoredRun, read_database
from st.monitor.store.files import RunFiles
from st.monitor.store.journal import Entry, read_journal
from st.monitor.store.trace import Trace, read_trace

__all__ = ["NoRecordError", "RecordedRun", "read_run"]


class NoRecordError(StError, FileNotFoundError):
    """There is no monitor's record in a directory."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What a run left behind.

    Attributes:
        directory: The run directory.
        entries: The journal's entries in order.
        panels: Report panels in the order they were added.
        summary: Content of summary.json, empty when there is none.
        faults: What could not be read, a sentence each.
        operators: How often operations ran and how long they took, of all processes together.
        accounts: How operations were watched, of each process that recorded the run.
        traces: Single operations and spans, of each process.
    """

    directory: Path
    entries: tuple[Entry, ...]
    panels: tuple[StoredPanel, ...]
    summary: dict[str, Json]
    faults: tuple[str, ...]
    operators: tuple[StoredOperator, ...] = ()
    accounts: tuple[dict[str, Json], ...] = ()
    traces: tuple[Trace, ...] = ()


def read_run(run: Path, *, latest_only: bool = False) -> RecordedRun:
    """Read the record of a run.

    Args:
        run: The run directory.
        latest_only: Read but the last segment of each trace, for views that look every second.

    Raises:
        NoRecordError: There is no `monitor/events.jsonl` in `run`, or it cannot be read.
    """
    files = RunFiles(run)
    try:
        lines = list(read_journal(files.events))
    except OSError as error:
        raise NoRecordError(
            f"no record of a run in {run}: expected {files.events} ({error.strerror or error}); "
            "st-monitor writes it while a run goes on, if it is installed"
        ) from error
    entries = tuple(entry for entry in lines if entry is not None)
    faults = []
    if len(entries) < len(lines):
        n_unreadable = len(lines) - len(entries)
        faults.append(f"{n_unreadable} of {len(lines)} lines of events.jsonl are unreadable")
    summary = _read_json(files.summary, faults)
    stored = _read_json(files.panels, faults).get("panels")
    panels = tuple(p for p in stored if isinstance(p, dict)) if isinstance(stored, list) else ()
    kept = _read_kept(files, faults)
    if kept is not None and not summary.get("concluded"):
        # A run that was killed wrote its figures to the database only.
        summary["metrics"] = kept.metrics()
    traces = _read_traces(files, faults, latest_only=latest_only)
    return RecordedRun(
        directory=run,
        entries=entries,
        panels=panels,
        summary=summary,
        faults=tuple(faults),
        operators=tuple(_operators(kept, traces)),
        accounts=tuple(kept.accounts.values()) if kept else (),
        traces=tuple(traces.values()),
    )


def _read_kept(files: RunFiles, faults: list[str]) -> StoredRun | None:
    if not files.database.exists():
        return None
    try:
        return read_database(files.database)
    except sqlite3.Error as error:
        faults.append(f"{files.database.name} is unreadable: {error}")
        return None


def _read_traces(files: RunFiles, faults: list[str], *, latest_only: bool) -> dict[str, Trace]:
    traces: dict[str, Trace] = {}
    for writer, segments in files.traces().items():
        try:
            traces[writer] = read_trace(segments[-1:] if latest_only else segments)
        except OSError as error:
            faults.append(f"a segment of the trace is unreadable: {error.strerror or error}")
            continue
        n_bytes = sum(fault.n_bytes for fault in traces[writer].faults)
        if n_bytes:
            faults.append(f"{n_bytes} bytes of the trace are damaged or cut short")
    return traces


def _operators(kept: StoredRun | None, traces: Mapping[str, Trace]) -> list[StoredOperator]:
    """Return what all processes ran: what they saved, and what they traced after that."""
    found: dict[tuple[str, str, str], tuple[int, Sketch]] = {}

    def add(key: tuple[str, str, str], n: int, sketch: Sketch) -> None:
        known = found.setdefault(key, (0, Sketch()))
        known[1].merge(sketch)
        found[key] = (known[0] + n, known[1])

    for rows in kept.operators.values() if kept else ():
        for row in rows:
            add((row.op, row.backend, row.where), row.n, row.sketch)
    for writer, trace in traces.items():
        saved = as_number(kept.accounts.get(writer, {}).get("n_traced")) if kept else None
        later: dict[tuple[str, str, str], Sketch] = {}
        for record in trace.records(first=int(saved or 0)):
            if not record.is_span:
                key = (record.name, record.backend, record.where)
                later.setdefault(key, Sketch()).add(record.duration_ns)
        for key, sketch in later.items():
            add(key, sketch.n, sketch)
        for key, n in trace.counts(first=int(saved or 0)):
            add(key, n, Sketch())
    return [StoredOperator(*key, n, sketch) for key, (n, sketch) in found.items()]


def _read_json(path: Path, faults: list[str]) -> dict[str, Json]:
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        faults.append(f"{path.name} is unreadable: {error}")
        return {}
    return facts if isinstance(facts, dict) else {}
