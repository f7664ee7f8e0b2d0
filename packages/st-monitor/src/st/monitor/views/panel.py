"""Report panels as HTML: tables, heat maps, image strips and charts.

What is drawn is the stored JSON of a panel. It came from other people's plugins: a value of the
wrong type is shown as nothing or as text, and sizes are capped, with a note of what is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from st.monitor.panels import StoredPanel
from st.monitor.plain import as_number
from st.monitor.series import Point
from st.monitor.views.chart import Line, legend, line_chart
from st.monitor.views.figures import number
from st.monitor.views.html import Markup, element, join
from st.monitor.views.png import png_address
from st.monitor.views.table import left_out_note, table

__all__ = ["panel_section"]

MAX_COLUMNS = 60
MAX_IMAGES = 200
MAX_SIDE = 256
HEAT_LEVELS = 10


def panel_section(panel: StoredPanel) -> Markup:
    """Return one panel as a section of the report."""
    match panel.get("kind"):
        case "table":
            body = _table(panel)
        case "matrix":
            body = _matrix(panel)
        case "images":
            body = _images(panel)
        case "series":
            body = _series(panel)
        case other:
            body = element("p", f"No view for a panel of kind {other}.", class_="empty")
    note = panel.get("note")
    return element(
        "section",
        element("h2", panel.get("title") or "Untitled"),
        body,
        element("p", note, class_="note") if note else None,
        class_="panel" if _is_narrow(panel) else "panel wide",
    )


def _is_narrow(panel: StoredPanel) -> bool:
    """Whether half the page's width is enough, so that two panels stand beside each other."""
    columns = len(_list(panel.get("columns")))
    return panel.get("kind") in ("images", "series") or (
        panel.get("kind") == "matrix" and columns <= 10
    )


def _table(panel: StoredPanel) -> Markup:
    rows = [_list(row) for row in _list(panel.get("rows"))]
    return table(_list(panel.get("columns")), rows)


def _matrix(panel: StoredPanel) -> Markup:
    """Return a heat map; where rows and columns are the same, the diagonal has its own colour."""
    columns, rows = _list(panel.get("columns")), _list(panel.get("rows"))
    values = [[as_number(v) for v in _list(row)] for row in _list(panel.get("values"))]
    square = columns == rows
    peaks = [0.0, 0.0]
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if value is not None and math.isfinite(value):
                on = int(square and i == j)
                peaks[on] = max(peaks[on], abs(value))
    head = element(
        "tr",
        element("td", class_="corner"),
        *(element("th", name, scope="col") for name in columns[:MAX_COLUMNS]),
    )
    lines = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(
                _heat(value, peaks[int(square and i == j)], diagonal=square and i == j)
                for j, value in enumerate(row[:MAX_COLUMNS])
            ),
        )
        for i, (name, row) in enumerate(zip(rows, values, strict=False))
    ]
    left_out = max(0, len(rows) - MAX_COLUMNS, len(columns) - MAX_COLUMNS)
    return join(
        [
            element(
                "figure",
                element("figcaption", panel.get("column_title") or "", class_="across"),
                element("figcaption", panel.get("row_title") or "", class_="down"),
                element(
                    "div",
                    element(
                        "table",
                        element("thead", head),
                        element("tbody", *lines[:MAX_COLUMNS]),
                        class_="heat",
                    ),
                    class_="scroll",
                ),
                class_="matrix",
            ),
            left_out_note(left_out, "rows or columns"),
        ]
    )


def _heat(value: float | None, peak: float, *, diagonal: bool) -> Markup:
    if value is None:
        return element("td")
    if value == 0:
        return element("td", "·", class_="zero")
    # Square root: one mistake in three hundred is still a colour one sees.
    share = math.sqrt(min(abs(value) / peak, 1.0)) if peak and math.isfinite(value) else 0.0
    level = max(1, round(share * HEAT_LEVELS))
    return element("td", number(value), class_=f"{'on' if diagonal else 'off'}-{level}")


def _images(panel: StoredPanel) -> Markup:
    images, captions = _list(panel.get("images")), _list(panel.get("captions"))
    figures = []
    for i, image in enumerate(images[:MAX_IMAGES]):
        rows = [_list(row)[:MAX_SIDE] for row in _list(image)[:MAX_SIDE]]
        caption = captions[i] if i < len(captions) else ""
        picture = element("img", src=png_address(rows), alt=caption or f"image {i + 1}")
        figures.append(element("figure", picture, element("figcaption", caption)))
    return join(
        [
            element("div", *figures, class_="images"),
            left_out_note(len(images) - len(figures), "images"),
        ]
    )


def _series(panel: StoredPanel) -> Markup:
    xs = [as_number(x) for x in _list(panel.get("x"))]
    stored = panel.get("lines")
    lines = [
        Line(name, tuple(_points(xs, _list(values))))
        for name, values in (stored.items() if isinstance(stored, dict) else ())
    ]
    chart = line_chart(
        lines, x_title=str(panel.get("x_title") or ""), y_title=str(panel.get("y_title") or "")
    )
    return element("div", chart, legend(lines) if len(lines) > 1 else None, class_="card")


def _points(xs: Sequence[float | None], values: Sequence[object]) -> list[Point]:
    points = []
    for x, value in zip(xs, values, strict=False):
        y = as_number(value)
        if x is not None and y is not None:
            finite = math.isfinite(y)
            shown = y if finite else math.nan
            points.append(Point(x, shown, shown, shown, int(finite)))
    return points


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
