"""Records in the formats of others: well-formed, complete, capped, and of nobody's making."""

import csv
import json
import math
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st.core import EpochEnd, Registry, RunFinished, RunStarted, Telemetry, TensorOp
from st.monitor import MonitorPlugin, RecordedRun, read_run
from st.monitor.exporters.chrome import write_chrome
from st.monitor.exporters.prometheus import prometheus_text
from st.monitor.exporters.tables import write_csv, write_jsonl
from st.monitor.sketch import Sketch
from st.monitor.store.database import StoredOperator
from st.monitor.web.server import LiveServer


@pytest.fixture
def recorded(run: Path) -> RecordedRun:
    """A run with operations, spans, curves and figures."""
    with Registry() as registry:
        registry.config.set("monitor", "mode", "full")
        registry.register(MonitorPlugin)
        registry.bus.publish(RunStarted(run.name, str(run), {}, {}, 7))
        metrics = registry.get_service("metrics")
        start = time.perf_counter_ns()
        for i in range(200):
            at = start + i * 1000
            registry.bus.publish(TensorOp("matmul", (), at, at + 900, "NumPy", "body.0"))
        with metrics.span("load"), metrics.span("read"):
            metrics.counter("images", labels={"set": 'held "out"\n'})(360)
        metrics.gauge("devices")(2)
        for milliseconds in range(1, 101):
            metrics.histogram("loading", unit="s")(milliseconds / 1000)
        registry.bus.publish(EpochEnd(1, 0.5))
        registry.bus.publish(Telemetry({"=cmd|' /C calc'!A0": 1.0, "nan": math.nan}))
        registry.bus.publish(RunFinished(run.name, "finished", {}))
    return read_run(run)


# --- the trace of Chrome and Perfetto ---------------------------------------------------------


def trace_events(path: Path) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return events


def test_trace_holds_operations_spans_and_events(recorded: RecordedRun, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"

    written = write_chrome(recorded, path, 1 << 20)

    events = trace_events(path)
    assert len(events) == written.n_written
    assert [e["name"] for e in events if e["ph"] == "X"].count("matmul") == 200
    assert {e["name"] for e in events if e.get("cat") == "span"} == {"load", "read"}
    assert "EpochEnd" in {e["name"] for e in events if e["ph"] == "i"}


def test_spans_of_a_thread_are_nested_in_the_trace(recorded: RecordedRun, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write_chrome(recorded, path, 1 << 20)

    spans = {e["name"]: e for e in trace_events(path) if e.get("cat") == "span"}

    outer, inner = spans["load"], spans["read"]
    assert outer["tid"] == inner["tid"]
    assert outer["ts"] <= inner["ts"]
    assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]


@pytest.mark.parametrize("cap", [500, 5000, 20_000])
def test_trace_ends_well_formed_within_its_cap(
    recorded: RecordedRun, tmp_path: Path, cap: int
) -> None:
    path = tmp_path / "trace.json"

    written = write_chrome(recorded, path, cap)

    assert path.stat().st_size <= cap
    assert len(trace_events(path)) == written.n_written
    assert written.n_left_out > 0


def test_characters_that_break_viewers_are_not_in_the_trace(run: Path, tmp_path: Path) -> None:
    with Registry() as registry:
        registry.config.set("monitor", "mode", "full")
        registry.register(MonitorPlugin)
        registry.bus.publish(RunStarted(run.name, str(run), {}, {}, 7))
        registry.bus.publish(TensorOp("a\x00\x1b[2J\ud800\u202e", (), 1, 2, "\x07", "\n"))
        registry.bus.publish(RunFinished(run.name, "finished", {}))

    write_chrome(read_run(run), tmp_path / "trace.json", 1 << 20)

    text = (tmp_path / "trace.json").read_bytes()
    assert all(byte == 10 or 32 <= byte < 127 for byte in text)
    assert not any(bad in text for bad in (b"\\u0000", b"\\u001b", b"\\ud800", b"\\u202e"))


# --- tables -----------------------------------------------------------------------------------


def test_json_lines_hold_everything_as_strict_json(recorded: RecordedRun, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    n = write_jsonl(recorded, path)

    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line, parse_constant=pytest.fail) for line in text.split("\n")[:-1]]
    assert len(lines) == n
    kinds = [line["kind"] for line in lines]
    assert kinds.count("event") == len(recorded.entries)
    [operator] = [line for line in lines if line["kind"] == "operator"]
    assert (operator["operator"], operator["n"]) == ("matmul", 200)


def test_csv_holds_the_curves_and_no_formula(recorded: RecordedRun, tmp_path: Path) -> None:
    path = tmp_path / "run.csv"

    n = write_csv(recorded, path)

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == n
    assert [row["mean"] for row in rows if row["series"] == "training_loss"] == ["0.5"]
    assert not any(row["series"].startswith(("=", "+", "-", "@")) for row in rows)


# --- Prometheus -------------------------------------------------------------------------------


def test_figures_are_told_to_prometheus(recorded: RecordedRun) -> None:
    lines = prometheus_text(recorded).splitlines()

    assert 'st_operations_total{op="matmul",backend="NumPy",where="body.0"} 200' in lines
    assert 'st_images_total{set="held \\"out\\"\\n"} 360' in lines
    assert "st_devices 2" in lines
    assert 'st_loading_bucket{le="+Inf"} 100' in lines
    assert "st_loading_count 100" in lines


TEXT = st.text(max_size=12) | st.sampled_from(["a b", 'x{y="z"}', "é", "\n# TYPE x counter", ""])
NUMBERS = st.floats() | st.integers(-(2**60), 2**60)
SKETCHES = st.lists(st.floats(-1e300, 1e300), max_size=20)
LINE = (
    r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    r'(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})?'
    r" (NaN|[+-]Inf|-?[0-9.e+-]+)"
)


@settings(max_examples=60)
@given(
    st.dictionaries(TEXT, NUMBERS, max_size=4),
    st.dictionaries(TEXT, SKETCHES, max_size=3),
    st.lists(st.tuples(TEXT, TEXT, TEXT, SKETCHES), max_size=3),
)
def test_whatever_is_in_a_record_the_text_is_of_the_format(
    plain: dict[str, float],
    spread: dict[str, list[float]],
    operators: list[tuple[str, str, str, list[float]]],
) -> None:
    def sketch(values: list[float]) -> Sketch:
        made = Sketch()
        for value in values:
            made.add(value)
        return made

    metrics: dict[str, Any] = {
        "counter": {name: {"value": value} for name, value in plain.items()},
        "gauge": {name: {"value": value} for name, value in plain.items()},
        "histogram": {name: sketch(values).to_json() for name, values in spread.items()},
    }
    stored = tuple(StoredOperator(*names, len(v), sketch(v)) for *names, v in operators)
    text = prometheus_text(RecordedRun(Path(), (), (), {"metrics": metrics}, (), stored))

    samples = [line for line in text.split("\n") if line and not line.startswith("# TYPE ")]
    assert [line for line in samples if not re.fullmatch(LINE, line)] == []
    assert len(samples) == len({line.rpartition(" ")[0] for line in samples})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus")
def test_prometheus_scrapes_the_endpoint(recorded: RecordedRun, tmp_path: Path) -> None:
    server = LiveServer(lambda: "", lambda: prometheus_text(recorded))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "scrape_configs:\n"
        "- job_name: run\n"
        "  scrape_interval: 250ms\n"
        "  scrape_timeout: 200ms\n"
        f"  authorization: {{credentials: {server.guard.token}}}\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{server.server_address[1]}']}}]\n"
    )
    prometheus = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )

    def ask(query: str) -> float:
        address = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(address, timeout=5) as answer:
                    found = json.load(answer)["data"]["result"]
            except OSError:
                found = []
            if found:
                return float(found[0]["value"][1])
            time.sleep(0.1)
        raise AssertionError(f"no answer to {query}")

    try:
        assert ask('st_operations_total{op="matmul"}') == 200
        # A classic histogram is interpolated within its bucket, here within a power of two.
        assert 0.032 <= ask("histogram_quantile(0.5, st_loading_bucket)") <= 0.0625
        assert ask("st_loading_count") == 100
        assert ask('up{job="run"}') == 1
    finally:
        prometheus.terminate()
        prometheus.wait()
        server.stop()
        thread.join()
