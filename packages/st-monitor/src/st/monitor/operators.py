"""How long operations took, by operator, backend and place in the model.

Whole columns are taken in at once; on the measured machine 130 ns an operation, of which 80 are
for finding its row. Memory is bounded: `MAX_ROWS` rows of 8 KiB; what finds no row of its own is
counted in the last, which is called "other".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from st.monitor.plain import plain
from st.monitor.sketch import BUCKETS_PER_OCTAVE, OFFSET, Sketch

__all__ = ["MAX_ROWS", "Batch", "OperatorName", "Operators", "batch"]

MAX_ROWS: Final = 1024
# 63 octaves of nanoseconds, 16 buckets each.
N_BUCKETS: Final = 1024
MAX_CHARACTERS: Final = 200


class OperatorName(NamedTuple):
    """Which operations are counted together: `where` is the path of a module, "" outside one."""

    op: str
    backend: str
    where: str


OTHER: Final = OperatorName("other", "", "")


class Batch(NamedTuple):
    """Some operations, a column for each fact.

    Attributes:
        rows: Row of each in the table, int64.
        start_ns: When each began, int64, by `time.perf_counter_ns`.
        duration_ns: How long each took, int64; at least 1, as the clock has no finer step.
    """

    rows: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]


class Operators:
    """Counts and distributions of durations, a row for each name. Used by one thread at a time."""

    def __init__(self) -> None:
        self.names: list[OperatorName] = []
        self._rows = _Rows(self.names)
        self.n = np.zeros(0, np.int64)
        self.total_ns = np.zeros(0, np.int64)
        self._low = np.zeros(0, np.int64)
        self._high = np.zeros(0, np.int64)
        self._counts = np.zeros((0, N_BUCKETS), np.int64)

    def rows(self, names: Iterable[tuple[Any, Any, Any]], n: int) -> NDArray[np.int64]:
        """Return the row of each of `n` names, made for those that are new.

        Raises:
            TypeError: A name is made of what cannot be looked up.
        """
        found = np.fromiter(map(self._rows.__getitem__, names), np.int64, n)
        if len(self.names) > len(self.n):
            self._grow()
        return found

    def count(self, rows: NDArray[np.int64]) -> None:
        """Take in operations of which no time is known."""
        self.n += np.bincount(rows, minlength=len(self.n))

    def add(self, taken: Batch) -> None:
        """Take in operations with their durations."""
        rows, durations = taken.rows, taken.duration_ns
        self.count(rows)
        np.add.at(self.total_ns, rows, durations)
        np.minimum.at(self._low, rows, durations)
        np.maximum.at(self._high, rows, durations)
        octaves = np.log2(durations.astype(np.float64))
        buckets = (octaves * BUCKETS_PER_OCTAVE).astype(np.int64)
        np.add.at(self._counts.reshape(-1), rows * N_BUCKETS + buckets, 1)

    def sketch(self, row: int) -> Sketch:
        """Return the distribution of a row's durations in nanoseconds; `n` are those timed."""
        sketch = Sketch()
        counts = self._counts[row]
        filled = np.flatnonzero(counts)
        sketch.buckets = {OFFSET + int(b): int(counts[b]) for b in filled}
        sketch.n = int(counts.sum())
        sketch.total = int(self.total_ns[row])
        if sketch.n:
            sketch.low, sketch.high = int(self._low[row]), int(self._high[row])
        return sketch

    def __iter__(self) -> Iterator[tuple[OperatorName, int, Sketch]]:
        """Give name, count and distribution of each row."""
        for row, name in enumerate(self.names[: len(self.n)]):
            yield name, int(self.n[row]), self.sketch(row)

    def _grow(self) -> None:
        more = max(32, 2 * len(self.names)) - len(self.n)
        self.n = np.pad(self.n, (0, more))
        self.total_ns = np.pad(self.total_ns, (0, more))
        self._low = np.pad(self._low, (0, more), constant_values=np.iinfo(np.int64).max)
        self._high = np.pad(self._high, (0, more))
        self._counts = np.pad(self._counts, ((0, more), (0, 0)))


class _Rows(dict[tuple[Any, Any, Any], int]):
    """Rows by name; a name that is new gets one when it is looked up."""

    def __init__(self, names: list[OperatorName]) -> None:
        self._names = names

    def __missing__(self, key: tuple[Any, Any, Any]) -> int:
        if len(self._names) == MAX_ROWS:
            # Not kept under its name: a million names must not fill the table of names either.
            return MAX_ROWS - 1
        is_last = len(self._names) == MAX_ROWS - 1
        self._names.append(OTHER if is_last else OperatorName(*map(_text, key)))
        if not is_last:
            self[key] = len(self._names) - 1
        return len(self._names) - 1


def _text(value: object) -> str:
    return str(plain(value, max_items=8))[:MAX_CHARACTERS]


def batch(rows: NDArray[np.int64], start_ns: Sequence[object], end_ns: Sequence[object]) -> Batch:
    """Return the columns of operations that began and ended when the publisher says.

    Raises:
        TypeError, ValueError, OverflowError: A time is no integer of 64 bits.
    """
    start, end = np.array(start_ns), np.array(end_ns)
    if start.dtype.kind not in "iu" or end.dtype.kind not in "iu":
        raise TypeError(f"times are integers, not {start.dtype} and {end.dtype}")
    start = start.astype(np.int64)
    return Batch(rows, start, np.maximum(end.astype(np.int64) - start, 1))
