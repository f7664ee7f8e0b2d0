"""`run.db`: operators, series, figures and events of a run in SQLite, for any tool to query.

Every process that records a run writes rows under its own `writer`, so two in one directory do
not disturb each other. Written ahead (WAL): a process that is killed between two writes leaves
the last one, and the next reader needs no repair. What was traced since then is in the segments.

=========  ==================================================================================
writers    one row a process: run, start, and its account as JSON
operators  operator, backend, place, how often, distribution of nanoseconds as JSON
series     points of every curve; at most 2,048 a curve, neighbours merged beyond that
figures    counters, gauges and histograms as JSON
events     what events.jsonl holds
=========  ==================================================================================
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from st.monitor.plain import Json, plain
from st.monitor.series import Point, Series
from st.monitor.sketch import Sketch
from st.monitor.store.journal import Entry

__all__ = ["DatabaseWriter", "StoredOperator", "StoredRun", "read_database"]

SCHEMA: Final = """
create table if not exists writers (writer text primary key, account text);
create table if not exists operators (
  writer text, number integer, op text, backend text, place text, n integer, sketch text,
  primary key (writer, number)) without rowid;
create table if not exists series (
  writer text, name text, number integer, x real, mean real, low real, high real, n integer,
  primary key (writer, name, number)) without rowid;
create table if not exists figures (
  writer text, kind text, name text, facts text,
  primary key (writer, kind, name)) without rowid;
create table if not exists events (
  writer text, seq integer, time text, elapsed_s real, event text, fields text,
  primary key (writer, seq)) without rowid;
"""
VERSION: Final = 1
# Another process may be writing; a flush that waits longer than this is repeated by the next.
BUSY_S: Final = 0.25


class DatabaseWriter:
    """The rows of one process, written in transactions.

        with database:
            database.operator(0, "matmul", "NumPy", "body.0", 41, sketch)

    Used by one thread at a time. The connection is opened by the first transaction.
    """

    def __init__(self, path: Path, writer: str) -> None:
        self._path = path
        self._writer = writer
        self._connection: sqlite3.Connection | None = None
        self._series: dict[str, tuple[int, int]] = {}
        self._figures: dict[tuple[str, str], str] = {}
        # Noted when the transaction holds: one that fails is written again by the next.
        self._new_series: dict[str, tuple[int, int]] = {}
        self._new_figures: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        """Begin a transaction.

        Raises:
            sqlite3.Error: The file cannot be opened or is being written by others.
        """
        if self._connection is None:
            made = sqlite3.connect(
                self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                made.execute("pragma journal_mode=wal")
                # A power failure may cost the last transactions, never the file.
                made.execute("pragma synchronous=normal")
                made.executescript(SCHEMA)
                made.execute(f"pragma user_version={VERSION}")
            except sqlite3.Error:
                made.close()
                raise
            self._connection = made
        self._connection.execute("begin immediate")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Keep what was written, or nothing of it after an error."""
        connection = self._open()
        if kind is None:
            try:
                connection.execute("commit")
            except sqlite3.Error:
                _roll_back(connection)
                raise
            self._series.update(self._new_series)
            self._figures.update(self._new_figures)
        else:
            _roll_back(connection)
        self._new_series.clear()
        self._new_figures.clear()

    def close(self) -> None:
        """Close the file; everything is in run.db itself then.

        Raises:
            sqlite3.Error: The system refuses even that.
        """
        if self._connection is not None:
            try:
                # Else every later reader leaves two files for sharing beside it.
                self._connection.execute("pragma journal_mode=delete")
            except sqlite3.OperationalError:
                pass  # another process still writes, and will do it
            finally:
                self._connection.close()
                self._connection = None

    def forget(self) -> sqlite3.Connection | None:
        """Give the connection away unclosed: in the child of a fork it is the parent's."""
        connection, self._connection = self._connection, None
        return connection

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("no transaction is open")
        return self._connection

    def account(self, facts: Mapping[str, Json]) -> None:
        """Write what is known of the process and its recording."""
        self._open().execute(
            "insert or replace into writers values (?, ?)", (self._writer, _json(dict(facts)))
        )

    def operator(
        self, number: int, op: str, backend: str, place: str, n: int, sketch: Sketch
    ) -> None:
        """Write one row of the table of operators."""
        row = (self._writer, number, _utf8(op), _utf8(backend), _utf8(place), n)
        self._open().execute(
            "insert or replace into operators values (?, ?, ?, ?, ?, ?, ?)",
            (*row, _json(sketch.to_json())),
        )

    def series(self, series: Series) -> None:
        """Write the points of a curve that are new or changed."""
        stride, points = series.snapshot()
        old_stride, n_written = self._series.get(series.name, (0, 0))
        name = _utf8(series.name)
        if stride != old_stride:
            n_written = 0
            self._open().execute(
                "delete from series where writer = ? and name = ?", (self._writer, name)
            )
        # The last point written may have taken in more since.
        first = max(0, n_written - 1)
        self._open().executemany(
            "insert or replace into series values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (self._writer, name, first + i, p.x, p.mean, p.low, p.high, p.n)
                for i, p in enumerate(points[first:])
            ],
        )
        self._new_series[series.name] = (stride, len(points))

    def figure(self, kind: str, name: str, facts: Mapping[str, Json]) -> None:
        """Write a counter, gauge or histogram, unless it is as it was."""
        text = _json(dict(facts))
        if self._figures.get((kind, name)) != text:
            row = (self._writer, kind, _utf8(name), text)
            self._open().execute("insert or replace into figures values (?, ?, ?, ?)", row)
            self._new_figures[kind, name] = text

    def events(self, entries: Iterable[Entry]) -> None:
        """Write events that are new."""
        self._open().executemany(
            "insert or ignore into events values (?, ?, ?, ?, ?, ?)",
            [
                (self._writer, e.seq, e.time, e.elapsed_s, _utf8(e.event), _json(e.fields))
                for e in entries
            ],
        )


@dataclass(frozen=True, slots=True)
class StoredOperator:
    """One row of the table of operators: `sketch` holds nanoseconds of those that were timed."""

    op: str
    backend: str
    where: str
    n: int
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What `run.db` holds.

    Attributes:
        accounts: By writer, oldest first.
        operators: By writer.
        series: Curves, by name; of several writers that of the last.
        figures: Facts by kind and name; of several writers those of the last.
    """

    accounts: dict[str, dict[str, Json]]
    operators: dict[str, list[StoredOperator]]
    series: dict[str, Series]
    figures: dict[tuple[str, str], dict[str, Json]]

    def metrics(self) -> dict[str, Json]:
        """Return series and figures in the form of `Metrics.to_json`."""
        kinds: dict[str, dict[str, Json]] = {}
        for (kind, name), facts in self.figures.items():
            kinds.setdefault(kind, {})[name] = facts
        series: dict[str, Json] = {name: kept.to_json() for name, kept in self.series.items()}
        return {**kinds, "series": series}


def read_database(path: Path) -> StoredRun:
    """Read all but the events, without changing anything.

    Raises:
        sqlite3.Error: It is not there, damaged, or of another version.
    """
    try:
        return _read(f"{path.absolute().as_uri()}?mode=ro")
    except sqlite3.OperationalError:
        # Where nothing may be written, SQLite cannot share a file that is written ahead.
        return _read(f"{path.absolute().as_uri()}?mode=ro&immutable=1")


def _read(address: str) -> StoredRun:
    with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S)) as connection:
        found = connection.execute("pragma user_version").fetchone()[0]
        if found > VERSION:
            raise sqlite3.DatabaseError(f"format {found} is newer than this program's {VERSION}")
        connection.execute("begin")
        accounts = {
            writer: _mapping(account)
            for writer, account in connection.execute("select * from writers order by writer")
        }
        operators: dict[str, list[StoredOperator]] = {}
        rows = connection.execute("select * from operators order by writer, number")
        for writer, _, op, backend, place, n, sketch in rows:
            stored = StoredOperator(op, backend, place, n, Sketch.from_json(_mapping(sketch)))
            operators.setdefault(writer, []).append(stored)
        points: dict[str, dict[str, list[Point]]] = {}
        for writer, name, _, *values in connection.execute(
            "select * from series order by writer, name, number"
        ):
            points.setdefault(name, {}).setdefault(writer, []).append(_point(values))
        figures = {
            (kind, name): _mapping(facts)
            for _, kind, name, facts in connection.execute(
                "select * from figures order by writer, kind, name"
            )
        }
    series = {name: Series.from_points(name, [*kept.values()][-1]) for name, kept in points.items()}
    return StoredRun(accounts, operators, series, figures)


def _point(values: list[Any]) -> Point:
    # SQLite keeps NaN as NULL.
    x, mean, low, high = (float("nan") if v is None else float(v) for v in values[:4])
    return Point(x, mean, low, high, int(values[4]))


def _roll_back(connection: sqlite3.Connection) -> None:
    # After some errors, a full disk among them, SQLite has rolled back by itself.
    if connection.in_transaction:
        connection.execute("rollback")


def _json(value: Json) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _utf8(text: str) -> str:
    """Return `text` without lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _mapping(text: str) -> dict[str, Json]:
    try:
        value = plain(json.loads(text), max_items=100_000)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
