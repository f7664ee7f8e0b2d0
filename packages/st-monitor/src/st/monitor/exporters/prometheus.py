"""A run in the text format that Prometheus scrapes (version 0.0.4).

Names get the prefix `st_` and what the format does not allow in them becomes `_`; labels pass.
Distributions are histograms whose bounds are powers of two, so every bucket of a sketch lies
within one of them whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from st.monitor.plain import Json, as_number
from st.monitor.series import Series
from st.monitor.sketch import BUCKETS_PER_OCTAVE, OFFSET, Sketch
from st.monitor.store.recorded import RecordedRun
from st.monitor.traffic import watched

__all__ = ["CONTENT_TYPE", "prometheus_text"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


def prometheus_text(run: RecordedRun) -> str:
    """Return the figures of a run, those of operators in seconds."""
    seen = watched(run)
    families: dict[tuple[str, str], list[str]] = {}

    def add(kind: str, name: str, lines: Iterable[str]) -> None:
        families.setdefault((name, kind), []).extend(lines)

    for operator in run.operators:
        labels: Labels = (
            ("op", operator.op),
            ("backend", operator.backend),
            ("where", operator.where),
        )
        name = "st_operations_total"
        add("counter", name, [f"{name}{_labels(labels)} {operator.n}"])
        name = "st_operation_seconds"
        add("histogram", name, _histogram(name, labels, operator.sketch, 1e-9))
    for name, value in (
        ("st_monitor_watched_share", seen.share),
        ("st_monitor_cost_share", seen.cost),
    ):
        add("gauge", name, [f"{name} {_number(value)}"])
    add("counter", "st_monitor_dropped_total", [f"st_monitor_dropped_total {seen.n_dropped}"])
    for kind, full, facts in _metrics(run):
        base, labels = _split(full)
        name = _name(base)
        if kind == "counter":
            add(kind, f"{name}_total", [f"{name}_total{_labels(labels)} {_value(facts, 'value')}"])
        elif kind == "histogram":
            add(kind, name, _histogram(name, labels, Sketch.from_json(facts), 1.0))
        elif kind == "series":
            points = Series.from_json(full, facts).points()
            last = next((p.mean for p in reversed(points) if p.n), math.nan)
            add("gauge", name, [f"{name}{_labels(labels)} {_number(last)}"])
        else:
            add("gauge", name, [f"{name}{_labels(labels)} {_value(facts, 'value')}"])
    return "".join(_family(name, kind, lines) for (name, kind), lines in _unique(families))


def _unique(
    families: Mapping[tuple[str, str], list[str]],
) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Yield the families; of two kinds under one name the first, for there can be but one."""
    names: set[str] = set()
    for (name, kind), lines in families.items():
        if name not in names:
            names.add(name)
            # Two names of ours may become one of theirs; a sample must not come twice.
            kept = {line.rpartition(" ")[0]: line for line in lines}
            yield (name, kind), list(kept.values())


def _family(name: str, kind: str, lines: Iterable[str]) -> str:
    return f"# TYPE {name} {kind}\n" + "".join(f"{line}\n" for line in lines)


def _metrics(run: RecordedRun) -> Iterator[tuple[str, str, dict[str, Json]]]:
    metrics = run.summary.get("metrics")
    for kind, named in metrics.items() if isinstance(metrics, dict) else ():
        for name, facts in named.items() if isinstance(named, dict) else ():
            if isinstance(facts, dict):
                yield kind, name, facts


def _histogram(name: str, labels: Labels, sketch: Sketch, scale: float) -> Iterator[str]:
    octaves: dict[int, int] = {}
    n_below = 0
    for bucket, n in sketch.buckets.items():
        if bucket <= 0:
            n_below += n
        else:
            octave = (bucket - OFFSET) // BUCKETS_PER_OCTAVE
            octaves[octave] = octaves.get(octave, 0) + n
    if n_below:
        yield f"{name}_bucket{_labels((*labels, ('le', '0')))} {n_below}"
    for octave in sorted(octaves):
        n_below += octaves[octave]
        bound = _number(math.ldexp(1.0, min(octave + 1, 1023)) * scale)
        yield f"{name}_bucket{_labels((*labels, ('le', bound)))} {n_below}"
    yield f"{name}_bucket{_labels((*labels, ('le', '+Inf')))} {sketch.n}"
    yield f"{name}_sum{_labels(labels)} {_number(sketch.total * scale)}"
    yield f"{name}_count{_labels(labels)} {sketch.n}"


_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')


def _split(full: str) -> tuple[str, Labels]:
    """Return the name of a metric and its labels, as `Metrics` wrote them."""
    base, brace, rest = full.partition("{")
    if not brace or not rest.endswith("}"):
        return full, ()
    return base, tuple((m[1], _plain(m[2])) for m in _LABEL.finditer(rest))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def _name(name: str) -> str:
    return "st_" + re.sub(r"[^A-Za-z0-9_]", "_", name)


def _labels(labels: Labels) -> str:
    shown = []
    for name, value in labels:
        text = value.encode("utf-8", "replace").decode("utf-8")
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        shown.append(f'{name}="{text}"')
    return "{" + ",".join(shown) + "}" if shown else ""


def _value(facts: Mapping[str, Json], key: str) -> str:
    number = as_number(facts.get(key))
    return _number(math.nan if number is None else number)


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
