"""Counters, gauges, series, histograms."""

import json
import math
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor import Counter, Gauge, Histogram, MetricKindError, Metrics
from st.monitor.metrics import MAX_LABELLED, MAX_METRICS
from st.monitor.process import ProcessSampler


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


# --- labels -----------------------------------------------------------------------------------


def test_labels_tell_metrics_of_one_name_apart() -> None:
    metrics = Metrics()
    metrics.counter("requests", labels={"route": "/a", "method": "GET"})(2)
    metrics.counter("requests", labels={"route": "/b", "method": "GET"})(3)

    same = metrics.counter("requests", labels={"method": "GET", "route": "/a"})

    assert same.value == 2
    assert same.name == 'requests{method="GET",route="/a"}'


def test_too_many_labels_of_one_name_are_counted_together() -> None:
    metrics = Metrics()
    for i in range(1000):
        metrics.counter("requests", labels={"user": str(i)})()

    values = [metric.value for metric in metrics.all() if isinstance(metric, Counter)]
    assert len(values) == MAX_LABELLED + 1
    assert sum(values) == 1000
    assert metrics.n_refused == 1000 - MAX_LABELLED


def test_a_hundred_thousand_names_are_counted_in_bounded_memory() -> None:
    metrics = Metrics()
    for i in range(100_000):
        metrics.counter(f"name{i}")()

    values = [metric.value for metric in metrics.all() if isinstance(metric, Counter)]
    assert len(values) == MAX_METRICS + 1
    assert sum(values) == 100_000


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=50), max_size=3))
def test_any_label_makes_a_name_of_known_form(labels: dict[str, str]) -> None:
    name = Metrics().gauge("g", labels=labels).name

    assert re.fullmatch(r'g(\{([A-Za-z0-9_]+="([^"\\\n]|\\["\\n])*",?)+\})?', name)


# --- spans ------------------------------------------------------------------------------------


def test_span_is_timed_and_on_the_tape() -> None:
    metrics = Metrics()
    with metrics.span("outer"), metrics.span("inner"):
        pass

    (first, start_1, end_1, thread_1, second, start_2, end_2, thread_2) = metrics.spans.take()
    assert (first, second) == ("inner", "outer")
    assert start_2 <= start_1 <= end_1 <= end_2
    assert thread_1 == thread_2 == threading.get_native_id()
    assert metrics.histogram("outer").high == (end_2 - start_2) * 1e-9


def test_span_that_raises_is_timed_as_well() -> None:
    metrics = Metrics()

    with pytest.raises(KeyError), metrics.span("load"):
        raise KeyError

    assert metrics.histogram("load").n == 1


# --- the process ------------------------------------------------------------------------------


def test_process_is_sampled_into_series() -> None:
    metrics = Metrics()
    sampler = ProcessSampler(metrics)

    sampler.sample(1.0)
    sampler.sample(2.0)

    threads = metrics.series("process.threads")
    assert [point.x for point in threads.points()] == [1.0, 2.0]
    assert threads.last == threading.active_count()
    busy = metrics.series("process.cores_busy").last
    assert 0 <= busy <= 2 * threading.active_count() + 1
