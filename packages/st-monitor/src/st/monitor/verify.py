"""Whether the record of a run is whole: every line, every checksum, every account."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from st.monitor.plain import as_number
from st.monitor.store.files import RunFiles
from st.monitor.store.recorded import RecordedRun, read_run

__all__ = ["Finding", "verify"]


class Finding(NamedTuple):
    """One thing that was looked at: `is_good`, and what was found, as a sentence."""

    is_good: bool
    told: str


def verify(run: Path) -> list[Finding]:
    """Look at everything in the record of a run.

    Raises:
        NoRecordError: There is no record of a run in the directory.
    """
    recorded = read_run(run)
    return [*_files(recorded), *_events(recorded), *_database(run), *_operations(recorded)]


def _files(run: RecordedRun) -> Iterator[Finding]:
    for fault in run.faults:
        yield Finding(False, fault)
    if not run.faults:
        yield Finding(True, "every file can be read whole")


def _events(run: RecordedRun) -> Iterator[Finding]:
    # Every process counts its own lines from 1.
    n = len(run.entries)
    missing, last = 0, 0
    for entry in run.entries:
        missing += max(0, entry.seq - last - 1) if len(run.accounts) < 2 else 0
        last = entry.seq
    yield Finding(missing == 0, f"{n} events, {missing or 'none'} missing")
    journal = run.summary.get("journal")
    if isinstance(journal, dict):
        published, recorded, lost = (
            int(as_number(journal.get(name)) or 0)
            for name in ("n_published", "n_recorded", "n_lost")
        )
        told = f"{published} events published = {recorded} recorded + {lost} lost"
        yield Finding(published == recorded + lost, told)


def _database(run: Path) -> Iterator[Finding]:
    path = RunFiles(run).database
    if not path.exists():
        yield Finding(True, "no run.db: nothing was saved before the end")
        return
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            [(told,)] = connection.execute("pragma integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        told = str(error)
    yield Finding(told == "ok", f"run.db: {told}")


def _operations(run: RecordedRun) -> Iterator[Finding]:
    for account in run.accounts:
        published, recorded, dropped, pending = (
            int(as_number(account.get(name)) or 0)
            for name in ("n_published", "n_recorded", "n_dropped", "n_pending")
        )
        told = (
            f"{published} operations published = {recorded} recorded + {dropped} dropped "
            f"+ {pending} pending"
        )
        yield Finding(published == recorded + dropped + pending, told)
    n_traced = sum(int(as_number(account.get("n_traced")) or 0) for account in run.accounts)
    n_read = sum(trace.n_records for trace in run.traces)
    n_counted = sum(n for trace in run.traces for _, n in trace.counts())
    kept = n_read + n_counted
    told = f"{n_traced} records traced, {kept} of them kept"
    # Old segments go when the trace is full; a killed process traced more than it accounted for.
    yield Finding(True, told)
