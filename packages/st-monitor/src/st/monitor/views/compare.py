"""Two runs side by side: outcomes, settings that differ, curves, operators."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from st.monitor.history import History, history
from st.monitor.plain import Json, as_number
from st.monitor.sketch import Sketch
from st.monitor.store.recorded import RecordedRun
from st.monitor.traffic import by
from st.monitor.views.facts import settings
from st.monitor.views.figures import count, duration, label, number

__all__ = ["Comparison", "compare"]

# Two-sided 95 %.
Z = 1.96
MAX_OPERATORS = 20

ABSENT = "-"

Row = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs differ in, as rows of text: what, first run, second run, change.

    Attributes:
        outcome: Figures the runs ended with, time and epochs.
        settings: Settings and versions that are not the same.
        curves: Last value of each curve.
        operators: Median time of each operator, with the interval its change lies in with 95 %
            confidence; "no clear change" where that interval holds 1.
    """

    outcome: tuple[Row, ...]
    settings: tuple[Row, ...]
    curves: tuple[Row, ...]
    operators: tuple[Row, ...]


def compare(first: RecordedRun, second: RecordedRun) -> Comparison:
    """Compare two recorded runs."""
    one, two = history(first), history(second)
    return Comparison(
        outcome=tuple(_outcome(one, two)),
        settings=tuple(_settings(one, two)),
        curves=tuple(_curves(one, two)),
        operators=tuple(_operators(first, second)),
    )


def _outcome(one: History, two: History) -> Iterator[Row]:
    yield "status", one.status, two.status, ""
    yield "backend", one.backend, two.backend, ""
    yield _row("epochs", len(one.epochs), len(two.epochs))
    times = (one.duration_s, two.duration_s)
    yield "time", duration(times[0]), duration(times[1]), _change(*times)
    for name in dict.fromkeys([*one.outcome, *two.outcome]):
        values = as_number(one.outcome.get(name)), as_number(two.outcome.get(name))
        if name not in ("epoch", "epochs", "seconds") and values != (None, None):
            yield _row(label(name), *values)


def _settings(one: History, two: History) -> Iterator[Row]:
    pairs = [
        (dict(settings(one.config)), dict(settings(two.config)), ""),
        (_texts(one.versions), _texts(two.versions), "version of "),
        ({"seed": str(one.seed)}, {"seed": str(two.seed)}, ""),
    ]
    for before, after, prefix in pairs:
        for key in dict.fromkeys([*before, *after]):
            if before.get(key) != after.get(key):
                yield prefix + key, before.get(key, ABSENT), after.get(key, ABSENT), ""


def _texts(facts: Mapping[str, Json]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items()}


def _curves(one: History, two: History) -> Iterator[Row]:
    curves = [{c.name: c for c in (told.loss, *told.telemetry)} for told in (one, two)]
    for name in dict.fromkeys([*curves[0], *curves[1]]):
        last = [
            next((p.mean for p in reversed(known[name].points) if p.n), None)
            if name in known
            else None
            for known in curves
        ]
        if last != [None, None]:
            yield _row(label(name), *last)


def _row(name: str, before: float | None, after: float | None) -> Row:
    shown = [ABSENT if value is None else number(value) for value in (before, after)]
    change = _change(before, after) if before is not None and after is not None else ""
    return name, shown[0], shown[1], change


def _change(before: float, after: float) -> str:
    if not (math.isfinite(before) and math.isfinite(after)) or before == 0:
        return ""
    if before == after:
        return "same"
    return f"{100 * (after / before - 1):+.3g} %"


def _operators(first: RecordedRun, second: RecordedRun) -> Iterator[Row]:
    before, after = (by(run.operators, lambda o: o.op) for run in (first, second))
    names = list(dict.fromkeys([*before, *after]))[:MAX_OPERATORS]
    for name in names:
        pair = [known[name].sketch if name in known else Sketch() for known in (before, after)]
        shown = [
            f"{duration(s.quantile(0.5) * 1e-9)} of {count(s.n)}" if s.n else ABSENT for s in pair
        ]
        yield name, shown[0], shown[1], _change_of_median(*pair)


def _median(sketch: Sketch) -> str:
    if not sketch.n:
        return ABSENT
    return f"{duration(sketch.quantile(0.5) * 1e-9)} of {count(sketch.n)}"


def _change_of_median(before: Sketch, after: Sketch) -> str:
    """Return between what factors the median changed, with 95 % confidence.

    The interval of each median is that of its order statistics (Conover, Practical
    Nonparametric Statistics, 3.2), for which the distribution does not matter.
    """
    if before.n < 10 or after.n < 10:
        return "too few"
    (low_1, high_1), (low_2, high_2) = _interval(before), _interval(after)
    low, high = low_2 / high_1, high_2 / low_1
    if low <= 1 <= high:
        return "no clear change"
    return f"times {low:.2f} to {high:.2f}"


def _interval(sketch: Sketch) -> tuple[float, float]:
    spread = Z * math.sqrt(sketch.n) / 2
    middle = sketch.n / 2
    low = sketch.at_rank(max(0.0, middle - spread))
    high = sketch.at_rank(min(sketch.n - 1.0, middle + spread))
    # A value is known to half a bucket.
    return low / 2 ** (1 / 32), high * 2 ** (1 / 32)
