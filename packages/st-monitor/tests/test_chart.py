"""Line charts: what is drawn lies where the numbers say."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.series import Point
from st.monitor.views.chart import BOTTOM, LARGE, LEFT, RIGHT, TOP, Line, legend, line_chart, ticks

# Any finite or other number, also those at the ends of float64.
ANY = st.floats()
POINTS = st.lists(st.tuples(ANY, ANY), max_size=20)


def line(*values: tuple[float, float], name: str = "loss") -> Line:
    """A line through points that stand for one observation each."""
    return Line(name, tuple(point(x, y) for x, y in values))


def point(x: float, y: float) -> Point:
    finite = math.isfinite(y)
    shown = y if finite else math.nan
    return Point(x, shown, shown, shown, int(finite))


def drawing(*lines: Line) -> ElementTree.Element:
    return ElementTree.fromstring(line_chart(lines, x_title="epoch", y_title="loss"))


def places(found: ElementTree.Element) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for curve in found.iter("polyline")
        for x, y in (pair.split(",") for pair in curve.attrib["points"].split())
    ]


def test_curve_spans_the_axes() -> None:
    xs = [x for x, _ in places(drawing(line((1, 2.0), (2, 1.0), (3, 0.5))))]

    assert xs == [LEFT, (LEFT + LARGE.width - RIGHT) / 2, LARGE.width - RIGHT]


@pytest.mark.parametrize("last", [2, 3, 4, 15, 400])
def test_between_two_epochs_there_is_no_tick(last: int) -> None:
    found = drawing(line((1, 2.0), (last, 1.0)))

    marks = [m.text or "" for m in found.iter("text") if m.attrib.get("class") == "tick x"]
    assert len(marks) >= 2
    assert all(mark.isdecimal() for mark in marks)


def test_higher_value_is_drawn_higher() -> None:
    ys = [y for _, y in places(drawing(line((1, 0.1), (2, 0.2), (3, 0.9))))]

    assert ys == sorted(ys, reverse=True)


def test_value_lies_between_the_ticks_that_enclose_it() -> None:
    found = drawing(line((1, 0.55), (2, 0.98)))
    marks = {
        float(mark.text or ""): float(mark.attrib["y"])
        for mark in found.iter("text")
        if mark.attrib.get("class") == "tick y"
    }
    first = places(found)[0][1]

    assert marks[0.6] < first < LARGE.height - BOTTOM
    assert 0.5 not in marks or first < marks[0.5]


def test_wide_range_is_drawn_over_a_logarithmic_axis() -> None:
    found = drawing(line((1, 100.0), (2, 10.0), (3, 1.0)))
    ys = [y for _, y in places(found)]

    assert "loss log scale" in "".join(found.itertext())
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.2)


def test_value_that_is_not_finite_leaves_a_gap() -> None:
    found = drawing(line((1, 1.0), (2, 2.0), (3, math.nan), (4, 1.0), (5, 2.0)))

    assert len(list(found.iter("polyline"))) == 2


def test_lone_value_is_drawn_as_a_dot() -> None:
    assert drawing(line((1, 1.0))).find("circle") is not None


def test_merged_points_are_drawn_within_their_band() -> None:
    merged = Line("loss", (Point(1, 2.0, 1.0, 5.0, 2), Point(3, 2.0, 1.5, 2.5, 2)))

    (band,) = drawing(merged).iter("polygon")

    assert len(band.attrib["points"].split()) == 4


def test_each_place_reads_out_the_values_of_all_lines() -> None:
    found = drawing(line((1, 0.5), name="training"), line((1, 0.75), name="held out"))

    titles = [title.text for title in found.iter("title")]

    assert titles == ["epoch 1   training 0.5   held out 0.75"]


@pytest.mark.parametrize("lines", [[], [line()], [line((1, math.nan))]], ids=["0", "empty", "nan"])
def test_chart_without_a_finite_value_says_so(lines: list[Line]) -> None:
    assert "No finite value" in line_chart(lines, x_title="epoch")


@given(POINTS, POINTS)
def test_any_numbers_are_drawn_within_the_frame(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    chart = line_chart([line(*first), line(*second)], x_title="x", y_title="y")

    for x, y in places(ElementTree.fromstring(chart)):
        assert LEFT <= x <= LARGE.width - RIGHT
        assert TOP <= y <= LARGE.height - BOTTOM
    assert not re.search(r'"(nan|-?inf)"', chart)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_hostile_name_is_text(name: str) -> None:
    chart = line_chart([line((1, 1.0), name=name)], x_title=name, y_title=name, name=name)

    assert "script" not in {found.tag for found in ElementTree.fromstring(chart).iter()}


def test_ten_thousand_points_have_few_columns() -> None:
    found = drawing(line(*((x, math.sin(x)) for x in range(10_000))))

    assert len(list(found.iter("g"))) <= 240


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9))
def test_ticks_are_evenly_spaced_within_the_range(low: float, width: float) -> None:
    found = ticks(low, low + width)

    assert 2 <= len(found) <= 11
    assert all(low - width * 1e-6 <= mark <= low + width * (1 + 1e-6) for mark in found)
    steps = [after - before for before, after in pairwise(found)]
    assert max(steps) - min(steps) <= width * 1e-6 + abs(low) * 1e-12


def test_legend_names_each_line_beside_its_colour() -> None:
    names = legend([line(name="training"), line(name="held out")])

    assert '<i class="swatch line-1"></i>held out' in names
