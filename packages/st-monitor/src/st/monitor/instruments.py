"""What measures: counters, gauges and histograms, each one callable."""

from __future__ import annotations

import math
import threading

from st.monitor.plain import Json, plain
from st.monitor.sketch import Sketch

__all__ = ["Counter", "Gauge", "Histogram"]


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

    Memory is bounded by the range of float64: at most 67,000 buckets. Values that are not
    finite are counted apart. Safe to call from any thread.

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
            self._sketch = Sketch()
            self.n_not_finite = 0

    def __call__(self, value: float) -> None:
        """Record one observation."""
        value = float(value)
        with self._lock:
            if math.isfinite(value):
                self._sketch.add(value)
            else:
                self.n_not_finite += 1

    @property
    def n(self) -> int:
        """How many finite observations there were."""
        return self._sketch.n

    @property
    def total(self) -> float:
        """Their sum."""
        return self._sketch.total

    @property
    def low(self) -> float:
        """The lowest of them, infinity when there is none."""
        return self._sketch.low

    @property
    def high(self) -> float:
        """The highest of them, -infinity when there is none."""
        return self._sketch.high

    def quantile(self, q: float) -> float:
        """Return the value below which the share `q` (0 to 1) lies; NaN without observations."""
        with self._lock:
            return self._sketch.quantile(q)

    def sketch(self) -> Sketch:
        """Return a copy of the distribution so far."""
        copy = Sketch()
        with self._lock:
            copy.merge(self._sketch)
        return copy

    def to_json(self) -> dict[str, Json]:
        """Return count, sum, extremes and the usual quantiles as JSON data."""
        sketch = self.sketch()
        quantiles: dict[str, Json] = {
            f"p{round(100 * q)}": plain(sketch.quantile(q)) for q in (0.5, 0.9, 0.99)
        }
        facts: dict[str, Json] = {"unit": self.unit, "n_not_finite": self.n_not_finite}
        return {**facts, **sketch.to_json(), **quantiles}
