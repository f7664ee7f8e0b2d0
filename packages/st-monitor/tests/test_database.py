"""run.db: rows of several processes, transactions that hold whole or not at all."""

import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from st.core import EpochEnd
from st.monitor import Series
from st.monitor.sketch import Sketch
from st.monitor.store.database import DatabaseWriter, read_database
from st.monitor.store.journal import entry_of


def sketch(*values: float) -> Sketch:
    made = Sketch()
    for value in values:
        made.add(value)
    return made


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    loss = Series("loss")
    for value in (2.0, math.nan, 0.5):
        loss(value)
    database = DatabaseWriter(path, "1-1")
    with database:
        database.account({"mode": "full"})
        database.operator(0, "matmul", "NumPy", "body.0", 3, sketch(1, 2, 3))
        database.series(loss)
        database.figure("counter", "steps", {"value": 3})
        database.events([entry_of(EpochEnd(1, 0.5))])
    database.close()

    read = read_database(path)

    assert read.accounts == {"1-1": {"mode": "full"}}
    [operator] = read.operators["1-1"]
    assert (operator.op, operator.where, operator.n) == ("matmul", "body.0", 3)
    assert operator.sketch.to_json() == sketch(1, 2, 3).to_json()
    assert [p.mean for p in read.series["loss"].points()] == pytest.approx(
        [2.0, math.nan, 0.5], nan_ok=True
    )
    assert read.figures == {("counter", "steps"): {"value": 3}}


def test_any_tool_can_query_the_events(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    database = DatabaseWriter(path, "1-1")
    with database:
        database.events([entry_of(EpochEnd(1, 0.5))])
    database.close()

    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("select event, fields ->> '$.loss' from events").fetchall()

    assert found == [("EpochEnd", 0.5)]


def test_long_curve_is_written_in_pieces_and_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    loss = Series("loss", capacity=64)
    database = DatabaseWriter(path, "1-1")
    for i in range(2000):
        loss(float(i))
        if i % 7 == 0:
            with database:
                database.series(loss)
    with database:
        database.series(loss)
    database.close()

    assert read_database(path).series["loss"].points() == loss.points()


def test_transaction_that_fails_leaves_nothing_and_is_repeated_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    loss = Series("loss")
    loss(1.0)
    database = DatabaseWriter(path, "1-1")
    database.__enter__()
    database.series(loss)
    database.figure("counter", "steps", {"value": 3})
    database.__exit__(RuntimeError, RuntimeError(), None)
    with database:
        database.series(loss)
        database.figure("counter", "steps", {"value": 3})
    database.close()

    assert read_database(path).series["loss"].points() == loss.points()
    assert read_database(path).figures == {("counter", "steps"): {"value": 3}}


def test_two_writers_in_one_file_keep_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    writers = [DatabaseWriter(path, name) for name in ("1-1", "2-2")]
    for n, database in enumerate(writers):
        with database:
            database.operator(0, "add", "NumPy", "", n + 1, sketch(n))
    for database in writers:
        database.close()

    assert {w: o.n for w, [o] in read_database(path).operators.items()} == {"1-1": 1, "2-2": 2}


def test_file_of_a_killed_writer_is_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    database = DatabaseWriter(path, "1-1")
    with database:
        database.account({"mode": "full"})
    copy = tmp_path / "copy"
    copy.mkdir()
    for left in tmp_path.glob("run.db*"):
        shutil.copy(left, copy)
    database.close()
    copy.chmod(0o500)

    assert read_database(copy / "run.db").accounts == {"1-1": {"mode": "full"}}


def test_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma user_version=99")

    with pytest.raises(sqlite3.DatabaseError, match="newer than this program's 1"):
        read_database(path)


def test_hostile_names_are_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    database = DatabaseWriter(path, "1-1")
    with database:
        database.operator(0, "'; drop table operators; --", "\ud800", "\x1b[2J", 1, sketch(1))
    database.close()

    [operator] = read_database(path).operators["1-1"]
    assert (operator.op, operator.backend, operator.where) == (
        "'; drop table operators; --",
        "?",
        "\x1b[2J",
    )
