"""Figures a program keeps about itself, handed out by name and labels.

Each is one callable, made once and kept::

    metrics = context.get_service("metrics")
    images, loading = metrics.counter("images"), metrics.histogram("loading", unit="s")
    images(32)
    loading(0.0031)
    with metrics.span("forward"):
        ...
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from time import perf_counter_ns
from types import TracebackType
from typing import Final, Self, TypeVar

from st.core import StError
from st.monitor.instruments import Counter, Gauge, Histogram
from st.monitor.plain import Json, plain
from st.monitor.series import Series
from st.monitor.tape import Tape

__all__ = ["Metric", "MetricKindError", "Metrics", "Span"]

MAX_METRICS: Final = 4096
MAX_LABELLED: Final = 100
MAX_CHARACTERS: Final = 200
# What a name gives way to when there are too many: all of them are then counted together.
OTHER: Final = "other"

Metric = Counter | Gauge | Series | Histogram
M = TypeVar("M", Counter, Gauge, Series, Histogram)


class MetricKindError(StError, TypeError):
    """A name is asked for as one kind of metric and is another already."""


class Span:
    """Times what is done inside ``with``; see :meth:`Metrics.span`."""

    __slots__ = ("_durations", "_start_ns", "_tape")

    def __init__(self, durations: Histogram, tape: Tape) -> None:
        self._durations = durations
        self._tape = tape

    def __enter__(self) -> Self:
        self._start_ns = perf_counter_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        end_ns = perf_counter_ns()
        self._durations((end_ns - self._start_ns) * 1e-9)
        name = self._durations.name
        self._tape.record((name, self._start_ns, end_ns, threading.get_native_id()))


class Metrics:
    """The service "metrics": hands out one metric for each name and labels.

    Asking twice gives the same object, from any thread. Names are the caller's; a plugin puts
    its id before a dot ("nn.images"). Memory is bounded: of one name there are at most
    `MAX_LABELLED` sets of labels, of all at most `MAX_METRICS` metrics; whoever asks for more
    gets the one called "other", and `n_refused` counts it.

    >>> metrics = Metrics()
    >>> requests = metrics.counter("requests", labels={"route": "/predict"})
    >>> requests(2); requests.name
    'requests{route="/predict"}'
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._metrics: dict[str, Metric] = {}
        self._n_labelled: dict[str, int] = {}
        self.n_refused = 0
        #: Spans that ended: name, start and end in nanoseconds, thread.
        self.spans = Tape(width=4, capacity=16_384)

    def counter(
        self, name: str, *, unit: str = "", labels: Mapping[str, str] | None = None
    ) -> Counter:
        """Return the counter of that name, made at the first call."""
        return self._metric(Counter, name, unit, labels)

    def gauge(self, name: str, *, unit: str = "", labels: Mapping[str, str] | None = None) -> Gauge:
        """Return the gauge of that name, made at the first call."""
        return self._metric(Gauge, name, unit, labels)

    def series(
        self, name: str, *, unit: str = "", labels: Mapping[str, str] | None = None
    ) -> Series:
        """Return the series of that name, made at the first call."""
        return self._metric(Series, name, unit, labels)

    def histogram(
        self, name: str, *, unit: str = "", labels: Mapping[str, str] | None = None
    ) -> Histogram:
        """Return the histogram of that name, made at the first call."""
        return self._metric(Histogram, name, unit, labels)

    def span(self, name: str, *, labels: Mapping[str, str] | None = None) -> Span:
        """Return what times a ``with`` block into the histogram of that name, in seconds.

        While a run is recorded, the block is also in its timeline.
        """
        return Span(self.histogram(name, unit="s", labels=labels), self.spans)

    def _metric(self, kind: type[M], name: str, unit: str, labels: Mapping[str, str] | None) -> M:
        base = name[:MAX_CHARACTERS]
        full = f"{base}{_shown(labels)}" if labels else base
        with self._lock:
            metric = self._metrics.get(full)
            if metric is None:
                full = self._admitted(base, full, kind)
                metric = self._metrics.setdefault(full, kind(full, unit=unit))
        if not isinstance(metric, kind):
            is_, asked = type(metric).__name__.lower(), kind.__name__.lower()
            raise MetricKindError(
                f"metric '{full}' is a {is_}, not a {asked}: choose another name for the {asked}"
            )
        return metric

    def _admitted(self, base: str, full: str, kind: type[Metric]) -> str:
        """Return `full`, or where that would be one too many the name of what stands for all."""
        if len(self._metrics) >= MAX_METRICS:
            self.n_refused += 1
            return f'{OTHER}{{kind="{kind.__name__.lower()}"}}'
        if full != base:
            n = self._n_labelled[base] = self._n_labelled.get(base, 0) + 1
            if n > MAX_LABELLED:
                self.n_refused += 1
                return f'{base}{{{OTHER}="true"}}'
        return full

    def clear(self) -> None:
        """Start every figure but the gauges anew; handles stay valid."""
        for metric in self.all():
            metric.clear()

    def to_json(self) -> dict[str, Json]:
        """Return every figure, sorted by kind and name, as JSON data."""
        kinds: dict[str, Json] = {}
        for kind in (Counter, Gauge, Series, Histogram):
            chosen = sorted((m for m in self.all() if type(m) is kind), key=lambda m: m.name)
            kinds[kind.__name__.lower()] = {m.name: m.to_json() for m in chosen}
        return kinds

    def all(self) -> list[Metric]:
        """Return every metric there is, in the order they were made."""
        with self._lock:
            return list(self._metrics.values())


_NOT_IN_A_NAME = re.compile("[^A-Za-z0-9_]")


def _shown(labels: Mapping[str, str]) -> str:
    r"""Return labels as Prometheus writes them, sorted; it has no other characters in names.

    >>> _shown({"b": 'a "quote"', "a": "1"})
    '{a="1",b="a \\"quote\\""}'
    """
    pairs = []
    for name, value in sorted(labels.items()):
        text = str(plain(str(value)))[:MAX_CHARACTERS]
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        pairs.append(f'{_NOT_IN_A_NAME.sub("_", name)}="{escaped}"')
    return "{" + ",".join(pairs) + "}"
