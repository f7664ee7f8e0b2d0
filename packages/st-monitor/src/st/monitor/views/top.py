"""A run in the terminal: where it stands, its latest figures, its slowest operators."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from st.monitor.history import Curve, history
from st.monitor.store.recorded import RecordedRun
from st.monitor.traffic import by, watched
from st.monitor.views.figures import count, duration, label, number
from st.monitor.views.html import visible
from st.monitor.views.moment import short_name

__all__ = ["sparkline", "top"]

N_CURVES, N_OPERATORS, N_FAILURES = 8, 10, 4
WIDTH = 28
BARS = "▁▂▃▄▅▆▇█"


def top(run: RecordedRun) -> RenderableType:
    """Return one picture of a run as it is now."""
    told = history(run)
    seen = watched(run)
    head = Text.assemble(
        (line(told.run_id), "bold"),
        f"  {line(told.status)}  epoch {count(len(told.epochs))}  {duration(told.duration_s)}",
        f"  on {line(told.backend) or 'no backend yet'}",
    )
    parts: list[RenderableType] = [head, ""]
    curves = [curve for curve in (told.loss, *told.telemetry) if curve.points]
    if curves:
        parts += [_curves(curves[:N_CURVES]), ""]
    if run.operators:
        parts.append(_operators(run))
        parts.append(
            Text(
                f"{count(seen.n_published)} operations seen, watched {100 * seen.share:.3g} % of "
                f"the time which cost {100 * seen.cost:.2g} %",
                "dim",
            )
        )
    for failure in told.failures[-N_FAILURES:]:
        parts.append(Text(f"! {line(failure.what)}: {line(failure.why)}", "red"))
    return Group(*parts)


def _curves(curves: Sequence[Curve]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_column(justify="left")
    for curve in curves:
        means = [point.mean for point in curve.points if point.n]
        shown = number(means[-1]) if means else "NaN"
        table.add_row(Text(line(label(curve.name))), Text(shown, "bold"), Text(sparkline(means)))
    return table


def _operators(run: RecordedRun) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    for column in ("operator", "count", "total", "p50", "p99"):
        table.add_column(column, justify="left" if column == "operator" else "right")
    for name, row in list(by(run.operators, lambda o: o.op).items())[:N_OPERATORS]:
        sketch = row.sketch
        times = (sketch.total, sketch.quantile(0.5), sketch.quantile(0.99))
        shown = [duration(t * 1e-9) if sketch.n else "" for t in times]
        table.add_row(*(Text(part) for part in (line(short_name(name)), count(row.n), *shown)))
    return table


def sparkline(values: Sequence[float]) -> str:
    """Return values as a row of bars, the latest `WIDTH` of them.

    >>> sparkline([0, 1, 2, 3, 2, 1])
    '▁▃▆█▆▃'
    """
    shown = values[-WIDTH:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] for value in shown)


def line(text: str) -> str:
    """Return text as one line that a terminal only shows, whatever is in it."""
    return visible(text).replace("\n", "␊").replace("\t", " ").rstrip()
