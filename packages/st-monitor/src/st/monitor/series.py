"""A curve of any length in bounded memory: exact until it is long, then bands.

Up to `capacity` observations are kept one by one. After that neighbours are merged, so that a
point stands for 2, 4, 8 … observations and keeps their lowest, highest and mean value: a spike
never disappears from the picture.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from st.monitor.plain import Json, as_number, plain

__all__ = ["Point", "Series"]


@dataclass(frozen=True, slots=True)
class Point:
    """One or more neighbouring observations.

    Attributes:
        x: Where the first of them was made.
        mean: Mean of the finite ones, NaN when there is none.
        low: Lowest finite one, NaN when there is none.
        high: Highest finite one, NaN when there is none.
        n: How many observations were finite.
    """

    x: float
    mean: float
    low: float
    high: float
    n: int

    def merged(self, later: Point) -> Point:
        """Return one point for this one and the next."""
        if self.n == 0 or later.n == 0:
            known = later if self.n == 0 else self
            return Point(self.x, known.mean, known.low, known.high, known.n)
        n = self.n + later.n
        mean = self.mean + (later.mean - self.mean) * (later.n / n)
        return Point(self.x, mean, min(self.low, later.low), max(self.high, later.high), n)


class Series:
    """Records ``series(value, step=…)``. Safe to call from any thread.

    >>> loss = Series("loss")
    >>> loss(2.3, step=1); loss(0.4, step=2)
    >>> [(point.x, point.mean) for point in loss.points()], loss.n, loss.last
    ([(1.0, 2.3), (2.0, 0.4)], 2, 0.4)
    """

    def __init__(self, name: str, *, unit: str = "", capacity: int = 2048) -> None:
        self.name = name
        self.unit = unit
        self._capacity = max(2, capacity + capacity % 2)  # even: points are merged in pairs
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every observation."""
        with self._lock:
            self.n = 0
            self.n_not_finite = 0
            self.last = math.nan
            self._points: list[Point] = []
            self._stride = 1
            self._n_in_last = 0

    def __call__(self, value: float, step: float | None = None) -> None:
        """Record `value` at `step`, by default at the number of observations made so far."""
        value = float(value)
        with self._lock:
            self.n += 1
            self.last = value
            finite = math.isfinite(value)
            self.n_not_finite += not finite
            shown = value if finite else math.nan
            x = float(self.n if step is None else step)
            self._append(Point(x, shown, shown, shown, int(finite)))

    def _append(self, point: Point) -> None:
        if 0 < self._n_in_last < self._stride:
            self._points[-1] = self._points[-1].merged(point)
            self._n_in_last += 1
            return
        if len(self._points) == self._capacity:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [first.merged(second) for first, second in pairs]
            self._stride *= 2
        self._points.append(point)
        self._n_in_last = 1

    def points(self) -> tuple[Point, ...]:
        """Return the curve so far, oldest point first."""
        with self._lock:
            return tuple(self._points)

    def snapshot(self) -> tuple[int, tuple[Point, ...]]:
        """Return how many observations a point stands for, and the points."""
        with self._lock:
            return self._stride, tuple(self._points)

    def to_json(self) -> dict[str, Json]:
        """Return the curve as JSON data; :meth:`from_json` is the inverse."""
        with self._lock:
            points = list(self._points)
            facts: dict[str, Json] = {
                "unit": self.unit,
                "n": self.n,
                "n_not_finite": self.n_not_finite,
                "last": plain(self.last),
            }
        facts["points"] = [[plain(v) for v in (p.x, p.mean, p.low, p.high, p.n)] for p in points]
        return facts

    @classmethod
    def from_json(cls, name: str, facts: Json) -> Series:
        """Return the curve that was stored; whatever does not belong there is left out."""
        stored = facts if isinstance(facts, dict) else {}
        series = cls(name, unit=str(stored.get("unit", "")))
        rows = stored.get("points")
        for row in rows if isinstance(rows, list) else []:
            values = [as_number(value) for value in row] if isinstance(row, list) else []
            if len(values) == 5 and None not in values:
                x, mean, low, high, n = (v for v in values if v is not None)
                series._points.append(Point(x, mean, low, high, int(n) if math.isfinite(n) else 0))
        series.n = int(as_number(stored.get("n")) or 0)
        series.n_not_finite = int(as_number(stored.get("n_not_finite")) or 0)
        last = as_number(stored.get("last"))
        series.last = math.nan if last is None else last
        return series

    @classmethod
    def from_points(cls, name: str, points: Sequence[Point]) -> Series:
        """Return the curve of these points, oldest first."""
        series = cls(name, capacity=len(points))
        series._points = list(points)
        series.n = sum(point.n for point in points)
        series.last = points[-1].mean if points else math.nan
        return series
