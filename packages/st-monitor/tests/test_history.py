"""The facts of a run, told from its events."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from st.core import (
    BackendChanged,
    EpochEnd,
    EpochStart,
    Event,
    ListenerFailed,
    PluginFailed,
    PluginUnloaded,
    RunFinished,
    RunStarted,
    Telemetry,
)
from st.monitor.history import Failure, History, history
from st.monitor.store.journal import entry_of
from st.monitor.store.recorded import RecordedRun

STARTED = RunStarted("digits-1", "runs/digits-1", {"backend": "auto"}, {"st-core": "0.1"}, 7)


def told(*events: Event, faults: Sequence[str] = ()) -> History:
    """The history of a run whose events are one second apart."""
    entries = tuple(
        replace(entry_of(event), seq=number + 1, elapsed_s=float(number))
        for number, event in enumerate(events)
    )
    return history(RecordedRun(Path("runs/digits-1"), entries, (), {}, tuple(faults)))


def test_run_is_described_by_its_first_and_last_event() -> None:
    run = told(STARTED, EpochStart(1), RunFinished("digits-1", "finished", {"accuracy": 0.98}))

    assert (run.run_id, run.status, run.seed, run.duration_s) == ("digits-1", "finished", 7, 2.0)
    assert run.versions == {"st-core": "0.1"}
    assert run.outcome == {"accuracy": 0.98}


def test_run_without_end_is_unfinished_up_to_its_last_event() -> None:
    run = told(STARTED, EpochStart(1), EpochEnd(1, 0.5))

    assert (run.status, run.duration_s) == ("unfinished", 2.0)


def test_empty_record_makes_an_empty_history() -> None:
    run = told()

    assert (run.run_id, run.status, run.duration_s, run.epochs) == ("digits-1", "unfinished", 0, ())


def test_backend_is_the_last_one_chosen() -> None:
    run = told(STARTED, BackendChanged("NumPy", "no GPU"), BackendChanged("OpenCL", "asked for"))

    assert (run.backend, run.backend_reason) == ("OpenCL", "asked for")


def test_backend_is_the_configured_one_when_none_was_announced() -> None:
    assert told(STARTED).backend == "auto"


def test_loss_of_each_epoch_makes_the_curve() -> None:
    run = told(STARTED, *(e for n in (1, 2, 3) for e in (EpochStart(n), EpochEnd(n, 1 / n))))

    assert [(point.x, point.mean) for point in run.loss.points] == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert [(epoch.start_s, epoch.end_s) for epoch in run.epochs] == [(1, 2), (3, 4), (5, 6)]


def test_epoch_that_did_not_end_has_no_loss() -> None:
    run = told(STARTED, EpochStart(1))

    assert (run.epochs[0].end_s, run.epochs[0].loss) == (None, None)


@pytest.mark.parametrize(
    "events",
    [
        (
            EpochStart(1),
            EpochEnd(1, 1.0),
            Telemetry({"a": 5.0}),
            EpochStart(2),
            Telemetry({"a": 6.0}),
        ),
        (Telemetry({"epoch": 1, "a": 5.0}), Telemetry({"epoch": 2, "a": 6.0})),
    ],
    ids=["the epoch that goes on", "the epoch it names"],
)
def test_one_value_an_epoch_is_drawn_over_epochs(events: tuple[Event, ...]) -> None:
    (curve,) = told(*events).telemetry

    assert curve.x_title == "epoch"
    assert [(point.x, point.mean) for point in curve.points] == [(1, 5.0), (2, 6.0)]


def test_several_values_an_epoch_are_drawn_over_observations() -> None:
    (curve,) = told(EpochStart(1), Telemetry({"a": 5.0}), Telemetry({"a": 6.0})).telemetry

    assert curve.x_title == "observation"
    assert [(point.x, point.mean) for point in curve.points] == [(1, 5.0), (2, 6.0)]


def test_training_loss_is_not_told_twice() -> None:
    run = told(EpochStart(1), Telemetry({"loss": 0.5, "accuracy": 0.9}), EpochEnd(1, 0.5))

    assert [curve.name for curve in run.telemetry] == ["accuracy"]
    assert run.told == {"loss", "accuracy"}


def test_telemetry_that_is_no_number_is_left_out() -> None:
    run = told(Telemetry({"a": "high", "b": 1.0}))  # type: ignore[dict-item]  # a careless plugin

    assert [curve.name for curve in run.telemetry] == ["b"]


@pytest.mark.parametrize(
    ("event", "failure"),
    [
        pytest.param(
            PluginFailed("loud", "failed", "no voice"),
            ("plugin loud failed", "no voice"),
            id="load",
        ),
        pytest.param(
            ListenerFailed(EpochEnd(1, 0.5), "loud", ValueError("no voice")),
            ("plugin loud on EpochEnd", "ValueError: no voice"),
            id="listener",
        ),
        pytest.param(
            PluginUnloaded("loud", (ValueError("a"), OSError("b"))),
            ("plugin loud while unloading", "ValueError: a; OSError: b"),
            id="unload",
        ),
        pytest.param(
            RunFinished("digits-1", "failed", {"error": "loss is nan"}),
            ("the run", "loss is nan"),
            id="run",
        ),
    ],
)
def test_failure_is_told_with_its_time(event: Event, failure: tuple[str, str]) -> None:
    assert told(STARTED, event).failures == (Failure(*failure, elapsed_s=1.0),)


@pytest.mark.parametrize(
    "event",
    [
        PluginFailed("opencl", "unavailable", "no device"),
        PluginUnloaded("loud"),
        RunFinished("digits-1", "interrupted", {}),
    ],
    ids=["unavailable plugin", "clean unload", "interrupted run"],
)
def test_what_is_no_failure_is_not_told_as_one(event: Event) -> None:
    assert told(STARTED, event).failures == ()


def test_damage_of_the_record_is_told() -> None:
    assert told(faults=["panels.json is unreadable"]).failures == (
        Failure("record", "panels.json is unreadable"),
    )
