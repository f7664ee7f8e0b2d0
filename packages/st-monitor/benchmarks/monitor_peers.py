"""The peers' ways of watching every operation of a step; all are optional."""

# ruff: noqa: D103 - each function's name says who watches and how
from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

#: Told of an operation: its name, start and end.
Told = Callable[[str, int, int], None]


def prometheus(*, is_cached: bool) -> Told:
    import prometheus_client as client

    registry = client.CollectorRegistry()
    counter = client.Counter("ops", "operations", ["op"], registry=registry)
    histogram = client.Histogram("seconds", "their time", ["op"], registry=registry)
    children: dict[str, Any] = {}

    def by_labels(name: str, start_ns: int, end_ns: int) -> None:
        counter.labels(name).inc()
        histogram.labels(name).observe((end_ns - start_ns) * 1e-9)

    def cached(name: str, start_ns: int, end_ns: int) -> None:
        found = children.get(name)
        if found is None:
            children[name] = found = (counter.labels(name).inc, histogram.labels(name).observe)
        found[0]()
        found[1]((end_ns - start_ns) * 1e-9)

    return cached if is_cached else by_labels


def opentelemetry_metrics() -> Told:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    meter = MeterProvider(metric_readers=[InMemoryMetricReader()]).get_meter("peer")
    counter, histogram = meter.create_counter("ops"), meter.create_histogram("nanoseconds")

    def tell(name: str, start_ns: int, end_ns: int) -> None:
        attributes = {"op": name}
        counter.add(1, attributes)
        histogram.record(end_ns - start_ns, attributes)

    return tell


def opentelemetry_spans() -> Told:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Nowhere(SpanExporter):
        def export(self, spans: Any) -> Any:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("peer")

    def tell(name: str, start_ns: int, end_ns: int) -> None:
        tracer.start_span(name, start_time=start_ns).end(end_ns)

    return tell


def tensorboard_writer() -> Told:
    from torch.utils.tensorboard import SummaryWriter

    writer, number = SummaryWriter(tempfile.mkdtemp()), itertools.count()

    def tell(name: str, start_ns: int, end_ns: int) -> None:
        writer.add_scalar(name, end_ns - start_ns, next(number))

    return tell


def tensorboardx() -> Told:
    from tensorboardX import SummaryWriter

    writer, number = SummaryWriter(tempfile.mkdtemp()), itertools.count()

    def tell(name: str, start_ns: int, end_ns: int) -> None:
        writer.add_scalar(name, end_ns - start_ns, next(number))

    return tell


MAKERS: dict[str, Callable[[], Told]] = {
    "prometheus_client, cached children": lambda: prometheus(is_cached=True),
    "prometheus_client, labels()": lambda: prometheus(is_cached=False),
    "OpenTelemetry counter and histogram": opentelemetry_metrics,
    "OpenTelemetry span, exported nowhere": opentelemetry_spans,
    "torch SummaryWriter": tensorboard_writer,
    "tensorboardX": tensorboardx,
}


def torch_profiler(n_rounds: int) -> dict[str, float]:
    """Give what torch.profiler costs an event of a small PyTorch step, in nanoseconds."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    torch.set_num_threads(1)
    model = torch.nn.Sequential(
        *(torch.nn.Linear(128, 128), torch.nn.ReLU()),
        *(torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x, y = torch.randn(64, 128), torch.randint(0, 10, (64,))

    def steps(n: int) -> None:
        for _ in range(n):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    steps(20)
    plain, watched, n_events = [], [], 1
    for _ in range(n_rounds):
        start = perf_counter_ns()
        steps(20)
        plain.append(perf_counter_ns() - start)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            start = perf_counter_ns()
            steps(20)
            watched.append(perf_counter_ns() - start)
        n_events = max(1, len(profiler.events()))
    base = sorted(plain)[n_rounds // 2]
    cost = sorted(watched)[n_rounds // 2] - base
    return {"ns per event": cost / n_events, "per cent of its step": 100 * cost / base}
