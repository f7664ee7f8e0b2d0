"""Counters, gauges, series, histograms."""

import json
import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor import Counter, Gauge, Histogram, MetricKindError, Metrics


def test_same_name_gives_the_same_metric() -> None:
    metrics = Metrics()

    assert metrics.counter("steps") is metrics.counter("steps")


def test_name_that_is_another_kind_already_is_refused() -> None:
    metrics = Metrics()
    metrics.counter("steps")

    with pytest.raises(MetricKindError, match="'steps' is a counter, not a gauge"):
        metrics.gauge("steps")


def test_counter_cannot_go_down() -> None:
    counter = Counter("steps")

    with pytest.raises(ValueError, match="cannot go down by 2; use a gauge"):
        counter(-2)
    assert counter.value == 0


def test_no_count_is_lost_between_threads() -> None:
    metrics = Metrics()
    start = threading.Barrier(4)

    def count() -> None:
        start.wait()
        for _ in range(2000):
            metrics.counter("steps")()
            metrics.histogram("loading")(0.5)
            metrics.series("loss")(1.0)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert metrics.counter("steps").value == 8000
    assert metrics.histogram("loading").n == 8000
    assert sum(point.n for point in metrics.series("loss").points()) == 8000


def test_gauge_holds_the_last_value() -> None:
    gauge = Gauge("devices")
    gauge(3)
    gauge(2)

    assert gauge.value == 2


@given(
    st.lists(
        st.floats(-1e300, 1e300).filter(lambda v: v == 0 or abs(v) > 1e-300),
        min_size=1,
        max_size=200,
    ),
    st.floats(0, 1),
)
def test_quantile_is_within_two_point_two_percent(values: list[float], q: float) -> None:
    histogram = Histogram("h")
    for value in values:
        histogram(value)

    exact = sorted(values)[math.floor(q * (len(values) - 1))]

    # Half a bucket of 2 ** (1/16), and rounding of the logarithm at a bucket's edge.
    assert histogram.quantile(q) == pytest.approx(exact, rel=2 ** (1 / 32) - 1 + 1e-9)


def test_values_that_are_not_finite_are_counted_apart() -> None:
    histogram = Histogram("h")
    for value in (1.0, math.nan, math.inf):
        histogram(value)

    assert (histogram.n, histogram.n_not_finite, histogram.total) == (1, 2, 1.0)


def test_quantile_of_nothing_is_no_number() -> None:
    assert math.isnan(Histogram("h").quantile(0.5))


@given(st.lists(st.floats()))
def test_extreme_values_make_no_trouble(values: list[float]) -> None:
    histogram = Histogram("h")
    for value in values:
        histogram(value)

    assert json.dumps(histogram.to_json(), allow_nan=False)


def test_clear_starts_sums_anew_and_keeps_states() -> None:
    metrics = Metrics()
    steps, devices = metrics.counter("steps"), metrics.gauge("devices")
    steps(5)
    devices(2)

    metrics.clear()
    steps()

    assert (steps.value, devices.value) == (1, 2)


def test_every_metric_is_in_the_json() -> None:
    metrics = Metrics()
    metrics.counter("steps")(2)
    metrics.gauge("devices", unit="1")(1)
    metrics.series("loss")(0.5)
    metrics.histogram("loading", unit="s")(0.25)

    facts = json.loads(json.dumps(metrics.to_json()))

    assert facts["counter"]["steps"]["value"] == 2
    assert facts["gauge"]["devices"]["value"] == 1
    assert facts["series"]["loss"]["last"] == 0.5
    assert facts["histogram"]["loading"]["p50"] == 0.25
