"""Tables, with numbers aligned and lengths capped."""

from __future__ import annotations

from collections.abc import Sequence

from st.monitor.plain import as_number
from st.monitor.views.figures import count, number
from st.monitor.views.html import Markup, element, join

__all__ = ["left_out_note", "table"]

MAX_ROWS = 500
MAX_COLUMNS = 60


def table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> Markup:
    """Return a table; columns that hold numbers only are aligned to the right."""
    shown = [list(row)[:MAX_COLUMNS] for row in rows[:MAX_ROWS]]
    width = max([len(columns), *map(len, shown)], default=0)
    numeric = [_is_numeric([row[i] for row in shown if i < len(row)]) for i in range(width)]
    headings = [*columns[:width], *[""] * (width - len(columns))]
    left_out = len(rows) - len(shown)
    return join(
        [
            element(
                "div",
                element(
                    "table",
                    element(
                        "thead",
                        element(
                            "tr",
                            *(
                                element("th", h, class_="n" if is_n else None, scope="col")
                                for h, is_n in zip(headings, numeric, strict=False)
                            ),
                        ),
                    ),
                    element("tbody", *(_row(row, numeric) for row in shown)),
                ),
                class_="scroll",
            ),
            left_out_note(left_out, "rows"),
        ]
    )


def _row(row: Sequence[object], numeric: Sequence[bool]) -> Markup:
    cells = zip(row, numeric, strict=False)
    return element("tr", *(element("td", _cell(v), class_="n" if n else None) for v, n in cells))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return number(value)
    return "" if value is None else value


def _is_numeric(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        as_number(value) is not None and not isinstance(value, bool) for value in known
    )


def left_out_note(n: int, what: str) -> Markup:
    """Return the sentence that says how many are not shown, nothing when all are."""
    return element("p", f"and {count(n)} more {what}", class_="empty") if n > 0 else Markup("")
