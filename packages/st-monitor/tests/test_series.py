"""Curves in bounded memory."""

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor import Series

FINITE = st.floats(-1e6, 1e6)


def test_short_series_keeps_every_observation() -> None:
    loss = Series("loss")
    for step in range(1, 101):
        loss(1 / step, step=step)

    assert [(p.x, p.mean, p.n) for p in loss.points()] == [(s, 1 / s, 1) for s in range(1, 101)]


def test_without_step_observations_are_numbered_from_1() -> None:
    loss = Series("loss")
    loss(3.0)
    loss(2.0)

    assert [point.x for point in loss.points()] == [1.0, 2.0]


@given(st.lists(FINITE, min_size=1, max_size=300), st.integers(1, 12))
def test_long_series_keeps_count_extremes_and_mean(values: list[float], capacity: int) -> None:
    series = Series("s", capacity=capacity)
    for value in values:
        series(value)

    points = series.points()
    assert len(points) <= capacity + 1
    assert sum(p.n for p in points) == series.n == len(values)
    assert min(p.low for p in points) == min(values)
    assert max(p.high for p in points) == max(values)
    mean = math.fsum(p.mean * p.n for p in points) / len(values)
    assert mean == pytest.approx(math.fsum(values) / len(values), abs=1e-6, rel=1e-9)


@given(st.integers(1, 500), st.integers(2, 16))
def test_points_stay_in_order_and_stand_for_equally_many_observations(
    n: int, capacity: int
) -> None:
    series = Series("s", capacity=capacity)
    for step in range(n):
        series(0.0, step=step)

    xs = [point.x for point in series.points()]
    assert xs[0] == 0
    assert all(before < after for before, after in pairwise(xs))
    assert len({point.n for point in series.points()[:-1]}) <= 1


def test_spike_among_many_observations_stays_in_the_band() -> None:
    series = Series("s", capacity=64)
    for step in range(20_000):
        series(50.0 if step == 777 else 1.0)

    assert max(point.high for point in series.points()) == 50.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
def test_value_that_is_not_finite_is_counted_and_leaves_a_gap(value: float) -> None:
    series = Series("s")
    series(1.0)
    series(value)

    assert series.n == 2
    assert series.n_not_finite == 1
    assert [point.n for point in series.points()] == [1, 0]


@given(st.lists(st.floats(width=32), max_size=50))
def test_series_read_back_is_the_one_stored(values: list[float]) -> None:
    series = Series("s", unit="s", capacity=8)
    for value in values:
        series(value)

    facts = json.loads(json.dumps(series.to_json(), allow_nan=False))

    assert repr(Series.from_json("s", facts).to_json()) == repr(series.to_json())


@pytest.mark.parametrize(
    "facts",
    [None, [], {"points": 3}, {"points": [[1], "x", [1, 2, 3, "four", 5]], "n": "many"}],
    ids=["nothing", "list", "number", "rows"],
)
def test_damaged_series_is_read_as_far_as_possible(facts: object) -> None:
    assert Series.from_json("s", facts).points() == ()  # type: ignore[arg-type]  # damaged


def test_cleared_series_begins_anew() -> None:
    series = Series("s")
    series(1.0)
    series.clear()
    series(2.0)

    assert [(p.x, p.mean) for p in series.points()] == [(1.0, 2.0)]
