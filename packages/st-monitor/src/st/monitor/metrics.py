"""Figures a program keeps about itself: counters, gauges, series, histograms.

Each is one callable, made once and kept::

    metrics = context.get_service("metrics")
    images, loading = metrics.counter("images"), metrics.histogram("loading", unit="s")
    images(32)
    loading(0.0031)
"""

from __future__ import annotations

import math
import threading
from typing import TypeVar

from st.core import StError
from st.monitor.plain import Json, plain
from st.monitor.series import Series

__all__ = ["Counter", "Gauge", "Histogram", "MetricKindError", "Metrics"]


class MetricKindError(StError, TypeError):
    """A name is asked for as one kind of metric and is another already."""


class Counter:
    """Counts ``counter(n=1)``, exactly. Safe to call from any thread."""

    def __init__(self, name: str, *, unit: str = "") -> None:
        self.name = name
        self.unit = unit
        self._lock = threading.Lock()
        self.value = 0

    def __call__(self, n: int = 1) -> None:
        """Add `n`, which is not negative.

        Raises:
            ValueError: `n` is negative; a figure that goes down is a gauge.
        """
        if n < 0:
            raise ValueError(f"counter '{self.name}' cannot go down by {-n}; use a gauge")
        with self._lock:
            self.value += n

    def clear(self) -> None:
        """Start from 0 again."""
        with self._lock:
            self.value = 0

    def to_json(self) -> dict[str, Json]:
        """Return the figure as JSON data."""
        return {"unit": self.unit, "value": self.value}


class Gauge:
    """Holds the value last given by ``gauge(value)``. Safe to call from any thread."""

    def __init__(self, name: str, *, unit: str = "") -> None:
        self.name = name
        self.unit = unit
        self.value = math.nan

    def __call__(self, value: float) -> None:
        """Set the value."""
        self.value = float(value)

    def clear(self) -> None:
        """Keep the value: what a gauge shows is a state, not a sum."""

    def to_json(self) -> dict[str, Json]:
        """Return the figure as JSON data."""
        return {"unit": self.unit, "value": plain(self.value)}


class Histogram:
    """Distribution of ``histogram(value)``: exact count, sum, extremes; quantiles to 2.2 %.

    Buckets are powers of 2 ** (1/16), the law of OpenTelemetry's exponential histograms at
    scale 4, so a bucket's geometric middle is within 2 ** (1/32) - 1 = 2.2 % of any value in
    it. Memory is bounded by the range of float64: at most 67,000 buckets. Values that are
    not finite are counted apart. Safe to call from any thread.

    >>> loading = Histogram("loading", unit="s")
    >>> for milliseconds in range(1, 101): loading(milliseconds / 1000)
    >>> loading.n, loading.high, round(loading.quantile(0.5), 2)
    (100, 0.1, 0.05)
    """

    def __init__(self, name: str, *, unit: str = "") -> None:
        self.name = name
        self.unit = unit
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every observation."""
        with self._lock:
            self.n = 0
            self.n_not_finite = 0
            self.total = 0.0
            self.low = math.inf
            self.high = -math.inf
            self._buckets: dict[tuple[int, int], int] = {}

    def __call__(self, value: float) -> None:
        """Record one observation."""
        value = float(value)
        with self._lock:
            if not math.isfinite(value):
                self.n_not_finite += 1
                return
            self.n += 1
            self.total += value
            self.low = min(self.low, value)
            self.high = max(self.high, value)
            bucket = _bucket(value)
            self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def quantile(self, q: float) -> float:
        """Return the value below which the share `q` (0 to 1) lies; NaN without observations."""
        with self._lock:
            if self.n == 0:
                return math.nan
            rank = q * (self.n - 1)
            seen = 0
            for bucket in sorted(self._buckets):
                seen += self._buckets[bucket]
                if seen > rank:
                    return min(max(_middle(bucket), self.low), self.high)
            return self.high

    def to_json(self) -> dict[str, Json]:
        """Return count, sum, extremes and the usual quantiles as JSON data."""
        quantiles: dict[str, Json] = {
            f"p{round(100 * q)}": plain(self.quantile(q)) for q in (0.5, 0.9, 0.99)
        }
        with self._lock:
            return {
                "unit": self.unit,
                "n": self.n,
                "n_not_finite": self.n_not_finite,
                "total": plain(self.total),
                "low": plain(self.low),
                "high": plain(self.high),
                **quantiles,
            }


def _bucket(value: float) -> tuple[int, int]:
    """Return (sign, index); sorting these sorts the values they stand for."""
    if value == 0:
        return (0, 0)
    index = math.floor(math.log2(abs(value)) * 16)
    return (1, index) if value > 0 else (-1, -index)


def _middle(bucket: tuple[int, int]) -> float:
    sign, index = bucket
    exponent = (sign * index + 0.5) / 16
    return sign * math.pow(2.0, min(exponent, 1023.99))


Metric = Counter | Gauge | Series | Histogram
M = TypeVar("M", Counter, Gauge, Series, Histogram)


class Metrics:
    """The service "metrics": hands out one metric for each name.

    Asking twice gives the same object, from any thread. Names are the caller's; a plugin puts
    its id before a dot ("nn.images").
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._metrics: dict[str, Metric] = {}

    def counter(self, name: str, *, unit: str = "") -> Counter:
        """Return the counter of that name, made at the first call."""
        return self._metric(Counter, name, unit)

    def gauge(self, name: str, *, unit: str = "") -> Gauge:
        """Return the gauge of that name, made at the first call."""
        return self._metric(Gauge, name, unit)

    def series(self, name: str, *, unit: str = "") -> Series:
        """Return the series of that name, made at the first call."""
        return self._metric(Series, name, unit)

    def histogram(self, name: str, *, unit: str = "") -> Histogram:
        """Return the histogram of that name, made at the first call."""
        return self._metric(Histogram, name, unit)

    def _metric(self, kind: type[M], name: str, unit: str) -> M:
        with self._lock:
            metric = self._metrics.setdefault(name, kind(name, unit=unit))
        if not isinstance(metric, kind):
            is_, asked = type(metric).__name__.lower(), kind.__name__.lower()
            raise MetricKindError(
                f"metric '{name}' is a {is_}, not a {asked}: choose another name for the {asked}"
            )
        return metric

    def clear(self) -> None:
        """Start every figure but the gauges anew; handles stay valid."""
        for metric in self._all():
            metric.clear()

    def to_json(self) -> dict[str, Json]:
        """Return every figure, sorted by kind and name, as JSON data."""
        kinds: dict[str, Json] = {}
        for kind in (Counter, Gauge, Series, Histogram):
            chosen = sorted((m for m in self._all() if type(m) is kind), key=lambda m: m.name)
            kinds[kind.__name__.lower()] = {m.name: m.to_json() for m in chosen}
        return kinds

    def _all(self) -> list[Metric]:
        with self._lock:
            return list(self._metrics.values())
