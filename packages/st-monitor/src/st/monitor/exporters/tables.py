"""A run as lines: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from st.monitor.history import history
from st.monitor.series import Series
from st.monitor.store.files import written_beside
from st.monitor.store.recorded import RecordedRun

__all__ = ["write_csv", "write_jsonl"]

# What a spreadsheet would take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_jsonl(run: RecordedRun, path: Path) -> int:
    """Write events, operators and points of curves, one JSON object a line; return how many.

    Every line has `kind`: "event", "operator" or "point".

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    n = 0
    with written_beside(path) as file:
        for facts in _facts(run):
            file.write(json.dumps(facts, allow_nan=False) + "\n")
            n += 1
    return n


def _facts(run: RecordedRun) -> Iterator[dict[str, object]]:
    for entry in run.entries:
        yield {"kind": "event", **asdict(entry)}
    for operator in run.operators:
        yield {
            "kind": "operator",
            "operator": operator.op,
            "backend": operator.backend,
            "where": operator.where,
            "n": operator.n,
            "nanoseconds": operator.sketch.to_json(),
        }
    for name, x, mean, low, high, n in _points(run):
        point = {"x": x, "mean": mean, "low": low, "high": high}
        known = {key: value for key, value in point.items() if math.isfinite(value)}
        yield {"kind": "point", "series": name, "n": n, **known}


def write_csv(run: RecordedRun, path: Path) -> int:
    """Write the points of all curves, one a row; return how many.

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    n = 0
    with written_beside(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("series", "x", "mean", "low", "high", "n"))
        for name, *values in _points(run):
            writer.writerow((_harmless(name), *values))
            n += 1
    return n


def _harmless(name: str) -> str:
    return f"'{name}" if name.startswith(FORMULA) else name


def _points(run: RecordedRun) -> Iterator[tuple[str, float, float, float, float, int]]:
    told = history(run)
    for curve in (told.loss, *told.telemetry):
        for p in curve.points:
            yield curve.name, p.x, p.mean, p.low, p.high, p.n
    metrics = run.summary.get("metrics")
    series = metrics.get("series") if isinstance(metrics, dict) else None
    for name, facts in series.items() if isinstance(series, dict) else ():
        if name not in told.told:
            for p in Series.from_json(name, facts).points():
                yield name, p.x, p.mean, p.low, p.high, p.n
