"""Which operators ran, where in the model, how often and how long: tables with bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from st.monitor.store.database import StoredOperator
from st.monitor.store.recorded import RecordedRun
from st.monitor.traffic import Watched, by, watched
from st.monitor.views.figures import count, duration
from st.monitor.views.html import Markup, element, join
from st.monitor.views.moment import moment, short_name
from st.monitor.views.table import left_out_note

__all__ = ["operators_section"]

MAX_ROWS = 12
MAX_ROWS_OF_ALL = 500
BAR = 120


def operators_section(run: RecordedRun) -> Markup:
    """Return the section of operators, empty when none was seen."""
    if not run.operators:
        return Markup("")
    everything = by(run.operators, lambda o: f"{o.op}\0{o.backend}\0{o.where}")
    return element(
        "section",
        element("h2", "Operators"),
        element("p", _told(watched(run)), class_="note above"),
        element(
            "div",
            _table("operator", by(run.operators, lambda o: o.op)),
            _table("module", by(run.operators, lambda o: o.where or "outside modules")),
            class_="pair",
        ),
        moment(run.traces),
        element(
            "details",
            element("summary", f"All {count(len(everything))} operators by module"),
            _table_of_all(everything),
        ),
    )


def _told(seen: Watched) -> str:
    if seen.mode == "count":
        told = f"{count(seen.n_published)} operations, each counted, none timed."
    elif seen.share >= 0.999:
        told = f"{count(seen.n_published)} operations, each one timed."
    else:
        told = (
            f"{count(seen.n_published)} operations seen in the {100 * seen.share:.3g} % of the "
            "time that was watched; counts and totals are of these."
        )
    dropped = f" {count(seen.n_dropped)} more could not be taken in." if seen.n_dropped else ""
    return f"{told}{dropped} Watching cost {100 * seen.cost:.2g} % of the time."


def _table(title: str, rows: Mapping[str, StoredOperator]) -> Markup:
    shown = list(rows.items())[:MAX_ROWS]
    whole = sum(row.sketch.total for row in rows.values())
    longest = max(row.sketch.total for row in rows.values())
    lines = (
        element(
            "tr",
            element("td", short_name(name), class_="name", title=name),
            element("td", count(row.n), class_="n"),
            *_times(row),
            element("td", _bar(row.sketch.total, whole, longest), class_="share"),
        )
        for name, row in shown
    )
    return element(
        "div",
        element(
            "div", _headed((title, "count", "total", "p50", "p99", ""), lines), class_="scroll"
        ),
        left_out_note(len(rows) - len(shown), f"{title}s"),
    )


def _table_of_all(rows: Mapping[str, StoredOperator]) -> Markup:
    shown = list(rows.values())[:MAX_ROWS_OF_ALL]
    lines = (
        element(
            "tr",
            element("td", short_name(row.op), class_="name", title=row.op),
            element("td", row.where, class_="name"),
            element("td", row.backend),
            element("td", count(row.n), class_="n"),
            *_times(row),
        )
        for row in shown
    )
    columns = ("operator", "module", "backend", "count", "total", "p50", "p99")
    return join(
        [
            element("div", _headed(columns, lines), class_="scroll"),
            left_out_note(len(rows) - len(shown), "rows"),
        ]
    )


def _headed(columns: tuple[str, ...], lines: Iterator[Markup]) -> Markup:
    numbers = ("count", "total", "p50", "p99")
    headings = (
        element("th", column, class_="n" if column in numbers else None, scope="col")
        for column in columns
    )
    return element("table", element("thead", element("tr", *headings)), element("tbody", *lines))


def _times(row: StoredOperator) -> Iterator[Markup]:
    """Yield the cells of total, median and 99th percentile, empty where nothing was timed."""
    sketch = row.sketch
    for nanoseconds in (sketch.total, sketch.quantile(0.5), sketch.quantile(0.99)):
        told = duration(nanoseconds * 1e-9) if sketch.n else ""
        yield element("td", told, class_="n")


def _bar(total: float, whole: float, longest: float) -> Markup:
    """Return a bar for a share of the whole time, full for the longest of all."""
    width = f"{max(1.0, total / max(longest, 1) * BAR):.1f}"
    return element(
        "svg",
        element("title", f"{100 * total / max(whole, 1):.3g} % of the time"),
        element("rect", x=0, y=0, width=width, height=8, rx=2, class_="bar"),
        viewBox=f"0 0 {BAR} 8",
        class_="share-bar",
        role="img",
    )
