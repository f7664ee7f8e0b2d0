"""One moment of a run under the magnifying glass: single operations as bars over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise

from st.monitor.store.trace import Trace, TraceRecord
from st.monitor.views.chart import ticks
from st.monitor.views.figures import duration
from st.monitor.views.html import Markup, element

__all__ = ["moment", "short_name"]

N_OPERATIONS = 80
MAX_RECORDS = 20_000
WIDTH, HEIGHT, TOP = 980, 34, 4
# As many as the style sheet has colours for lines.
N_COLOURS = 6
MAX_CHARACTERS = 24


def moment(traces: Sequence[Trace]) -> Markup:
    """Return some dozens of operations in a row from the middle of the trace, if there is one."""
    chosen = _chosen(traces)
    if len(chosen) < 2:
        return Markup("")
    start = min(record.start_ns for record in chosen)
    end = max(record.start_ns + record.duration_ns for record in chosen)
    scale = WIDTH / max(end - start, 1)
    whole = duration((end - start) * 1e-9)
    longest = sorted({r.name for r in chosen}, key=lambda name: -_total(chosen, name))
    bars = (
        element(
            "rect",
            element(
                "title", f"{record.name} {record.where} · {duration(record.duration_ns * 1e-9)}"
            ),
            x=f"{(record.start_ns - start) * scale:.1f}",
            y=TOP,
            width=f"{max(record.duration_ns * scale - 0.6, 0.6):.1f}",
            height=HEIGHT,
            class_=f"operation line-{longest.index(record.name)}"
            if record.name in longest[:N_COLOURS]
            else "operation",
        )
        for record in chosen
    )
    bottom = TOP + HEIGHT
    marks = (
        element(
            "text",
            duration(second),
            x=f"{second * 1e9 * scale:.1f}",
            y=bottom + 18,
            class_="tick x",
        )
        for second in ticks(0.0, (end - start) * 1e-9, 8)[1:-1]
    )
    names = (
        element("li", element("i", class_=f"swatch line-{i}"), short_name(name))
        for i, name in enumerate(longest[:N_COLOURS])
    )
    return element(
        "figure",
        element("figcaption", f"{len(chosen)} operations in a row", element("span", whole)),
        element(
            "svg", *bars, *marks, viewBox=f"0 0 {WIDTH} {bottom + 24}", class_="moment", role="img"
        ),
        element("ul", *names, class_="legend"),
        class_="card strip",
    )


def _chosen(traces: Sequence[Trace]) -> list[TraceRecord]:
    """Return operations in a row: a stretch without the pauses between two windows."""
    for trace in traces:
        # The first of a long trace will do: its middle is far enough from the start.
        records = islice(trace.records(), MAX_RECORDS)
        operations = [record for record in records if not record.is_span]
        if len(operations) < 2:
            continue
        middle = len(operations) // 2
        stretch = operations[max(0, middle - N_OPERATIONS // 2) : middle + N_OPERATIONS // 2]
        gaps = [b.start_ns - a.start_ns - a.duration_ns for a, b in pairwise(stretch)]
        usual = 20 * max(1, sorted(r.duration_ns for r in stretch)[len(stretch) // 2])
        longest: list[TraceRecord] = []
        current = [stretch[0]]
        for gap, record in zip(gaps, stretch[1:], strict=True):
            if gap > max(usual, 1_000_000):
                longest, current = max(longest, current, key=len), []
            current.append(record)
        return max(longest, current, key=len)
    return []


def short_name(name: str) -> str:
    """Return the name of an operator, of one fused from many the first two and their number.

    >>> short_name("conv2d"), short_name("add+sum+mul+sub+sqrt+div+maximum")
    ('conv2d', 'add+sum+… 7 fused')
    """
    parts = name.split("+")
    if len(name) <= MAX_CHARACTERS or len(parts) < 4:
        return name
    return f"{'+'.join(parts[:2])}+… {len(parts)} fused"


def _told(record: TraceRecord) -> str:
    return f"{record.name} {record.where} · {duration(record.duration_ns * 1e-9)}"


def _total(records: Sequence[TraceRecord], name: str) -> int:
    return sum(record.duration_ns for record in records if record.name == name)
