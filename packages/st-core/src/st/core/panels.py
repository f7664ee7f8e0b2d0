"""What a plugin may add to a run's report, without knowing who writes the report.

>>> from st.core import Registry
>>> with Registry() as registry:
...     reports = registry.get_service(PANELS, default=None)
...     if reports is not None:
...         reports.add("digits-1", Panel("Sizes", Table(("name", "n"), (("train", 1437),))))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from st.core.service import ServiceKey


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column titles; every row is as long as `columns`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers by named row and column, such as a confusion matrix: `values[row][column]`."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]
    row_title: str
    column_title: str


@dataclass(frozen=True, slots=True)
class Images:
    """Small grey images, each a tuple of rows of floats from 0 to 1, one caption each."""

    images: Sequence[Sequence[Sequence[float]]]
    captions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Series:
    """Lines over a common `x`, by name; every line is as long as `x`."""

    x: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    x_title: str
    y_title: str


Body: TypeAlias = Table | Matrix | Images | Series


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a report: a title, a body, and a sentence below it."""

    title: str
    body: Body
    note: str = ""


class Panels(Protocol):
    """Collects the panels of runs."""

    def add(self, run_id: str, panel: Panel) -> None:
        """Show `panel` in the report of the run."""


PANELS: Final[ServiceKey[Panels]] = ServiceKey("report.panels")
