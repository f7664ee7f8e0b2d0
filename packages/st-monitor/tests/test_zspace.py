"""The trace of a Z-space sequencer, tested with stages of the documented shape."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.core import PluginCapability, Registry, RunFinished, RunStarted
from st.monitor import MonitorPlugin, ZSpaceTrace


class Stage(str, Enum):
    CONFIGURED = "configured"
    PROJECTED = "projected"
    COHERENCE_MEASURED = "coherence_measured"
    AGGREGATED = "aggregated"
    BACKWARD = "backward"


@dataclass(frozen=True)
class Config:
    dim: int
    heads: int


@dataclass(frozen=True)
class Configured:
    config: Config
    stage: Stage = Stage.CONFIGURED


@dataclass(frozen=True)
class Projected:
    input: Any
    points: Any
    curvature: Any
    stage: Stage = Stage.PROJECTED


@dataclass(frozen=True)
class CoherenceMeasured:
    locking: Any
    energy: Any
    weights: Any
    stage: Stage = Stage.COHERENCE_MEASURED


@dataclass(frozen=True)
class Aggregated:
    output: Any
    diagnostics: Callable[[], object]
    stage: Stage = Stage.AGGREGATED


@dataclass(frozen=True)
class Backward:
    grad_norms: dict[str, float]
    stage: Stage = Stage.BACKWARD


HEADS, BANDS = 2, 3
GENERATOR = np.random.default_rng(7)


def read_only(*shape: int) -> Any:
    array = GENERATOR.standard_normal(shape).astype(np.float32)
    array.flags.writeable = False
    return array


def diagnose() -> object:
    raise AssertionError("diagnostics are lazy; a trace must not ask for them")


def forward(trace: ZSpaceTrace) -> None:
    weights = np.abs(read_only(HEADS * BANDS))
    for event in (
        Configured(Config(16, HEADS)),
        Projected(read_only(4, 32, 16), read_only(4, 32, 16), np.array([1.0, 0.5])),
        CoherenceMeasured(read_only(4, HEADS, BANDS), read_only(HEADS, BANDS), weights),
        Aggregated(read_only(4, 32, 16), diagnose),
        Backward({"beta": 0.5, "theta": 0.25}),
    ):
        trace.on_stage(event)


def test_every_stage_is_summarised_in_order() -> None:
    trace = ZSpaceTrace()

    forward(trace)

    stages = [summary["stage"] for summary in trace.summaries()]
    assert stages == ["configured", "projected", "coherence_measured", "aggregated", "backward"]
    assert [summary["step"] for summary in trace.summaries()] == [1, 2, 3, 4, 5]


def test_summaries_agree_with_numpy_and_hold_no_tensor() -> None:
    trace = ZSpaceTrace()
    points = read_only(4, 32, 16)

    trace.on_stage(Projected(points, points, np.array([1.0, 0.5])))

    [summary] = trace.summaries()
    told: Any = summary["points"]
    assert told["shape"] == [4, 32, 16]
    assert told["mean"] == pytest.approx(float(np.mean(points, dtype=np.float64)))
    assert (told["low"], told["high"]) == (float(points.min()), float(points.max()))
    assert "values" not in told
    curvature: Any = summary["curvature"]
    assert curvature["values"] == [1.0, 0.5]


def test_only_the_latest_are_kept_and_all_are_counted() -> None:
    trace = ZSpaceTrace(limit=7)
    for _ in range(10):
        forward(trace)

    assert len(trace.summaries()) == 7
    assert trace.n_seen == 50


def test_values_that_are_not_finite_are_counted() -> None:
    trace = ZSpaceTrace()
    trace.on_stage(CoherenceMeasured(np.array([np.nan, 1.0]), np.ones((1, 2)), np.full(2, np.inf)))

    [summary] = trace.summaries()

    locking: Any = summary["locking"]
    assert (locking["n_not_finite"], locking["mean"]) == (1, 1.0)
    assert json.dumps(summary, allow_nan=False)


def test_events_that_carry_a_payload_are_read_as_well() -> None:
    class Event:
        def __init__(self) -> None:
            self.stage = "step"
            self.payload = {"t": 3, "locking": np.ones((1, 2, 3))}

    trace = ZSpaceTrace()
    trace.on_stage(Event())

    [summary] = trace.summaries()
    assert (summary["stage"], summary["t"]) == ("step", 3)


def test_trace_is_found_by_capability_and_shown_in_the_report(run: Path) -> None:
    with Registry() as registry:
        registry.register(MonitorPlugin)
        registry.register(ZSpaceTrace())
        [handle] = registry.find_by_capability(PluginCapability.Custom("ZSpaceSequencer"))
        registry.bus.publish(RunStarted(run.name, str(run), {}, {}, 7))
        for _ in range(3):
            forward(handle.plugin)
        registry.bus.publish(RunFinished(run.name, "finished", {}))

    page = (run / "monitor" / "report.html").read_text(encoding="utf-8")
    for title in ("Z-space stages", "Z-space weights", "Z-space curvature"):
        assert f"<h2>{title}</h2>" in page
    assert "coherence_measured" in page


def test_without_a_monitor_nothing_is_missed(run: Path) -> None:
    with Registry() as registry:
        trace = ZSpaceTrace()
        registry.register(trace)
        forward(trace)
        report = registry.bus.publish_report(RunFinished(run.name, "finished", {}))

    assert report.failures == ()


def test_lines_are_written_one_stage_each(tmp_path: Path) -> None:
    trace = ZSpaceTrace()
    forward(trace)

    trace.write_jsonl(tmp_path / "zspace.jsonl")

    lines = (tmp_path / "zspace.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["stage"] == "configured"
    assert len(lines) == 5
