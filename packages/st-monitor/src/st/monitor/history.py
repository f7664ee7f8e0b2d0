"""What happened in a run, told from its record: the facts that views show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from st.monitor.plain import Json, as_number
from st.monitor.series import Point, Series
from st.monitor.store.journal import Entry
from st.monitor.store.recorded import RecordedRun

__all__ = ["Curve", "Epoch", "Failure", "History", "history"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data.

    Attributes:
        number: Counted from 1.
        start_s: Seconds after the start of the run, None if its start was not recorded.
        end_s: The same for its end.
        loss: Mean loss, None if its end was not recorded.
    """

    number: float
    start_s: float | None
    end_s: float | None
    loss: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one name in order; `x_title` says what `x` counts ("epoch", "observation")."""

    name: str
    points: tuple[Point, ...]
    x_title: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong: `elapsed_s` after the start, None when that is unknown."""

    what: str
    why: str
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The facts of one run; whatever was not recorded is empty.

    Attributes:
        status: As published, or "unfinished" when no end was recorded.
        duration_s: From start to end, or to the last event of an unfinished run.
        loss: Training loss by epoch.
        telemetry: What Telemetry events carried, but for that loss and the epoch's number.
        told: Every name that Telemetry events carried.
    """

    run_id: str
    status: str
    started: str
    duration_s: float
    seed: Json
    backend: str
    backend_reason: str
    config: Json
    versions: Mapping[str, Json]
    outcome: Mapping[str, Json]
    epochs: tuple[Epoch, ...]
    loss: Curve
    telemetry: tuple[Curve, ...]
    told: frozenset[str]
    failures: tuple[Failure, ...]


def history(run: RecordedRun) -> History:
    """Return the facts of a recorded run."""
    started = _last(run.entries, "RunStarted")
    finished = _last(run.entries, "RunFinished")
    moved = _last(run.entries, "BackendChanged")
    facts = started.fields if started else {}
    end = finished.fields if finished else {}
    config = facts.get("config")
    backend = moved.fields.get("backend") if moved else _mapping(config).get("backend")
    epochs = _epochs(run.entries)
    losses = [(epoch.number, epoch.loss) for epoch in epochs if epoch.loss is not None]
    observed = _observed(run.entries)
    # EpochEnd carries the training loss; telemetry of that name says the same again.
    known = {"epoch", "loss", "training_loss"} if losses else {"epoch"}
    return History(
        run_id=_text(facts.get("run_id") or end.get("run_id") or run.directory.name),
        status=_text(end.get("status")) or "unfinished",
        started=started.time if started else (run.entries[0].time if run.entries else ""),
        duration_s=_duration(run.entries, started, finished),
        seed=facts.get("seed"),
        backend=_text(backend),
        backend_reason=_text(moved.fields.get("reason")) if moved else "",
        config=config,
        versions=_mapping(facts.get("versions")),
        outcome=_mapping(end.get("summary")),
        epochs=epochs,
        loss=_curve("training_loss", losses),
        telemetry=tuple(_curve(n, values) for n, values in observed.items() if n not in known),
        told=frozenset(observed),
        failures=(*_failures(run.entries), *(Failure("record", fault) for fault in run.faults)),
    )


def _epochs(entries: Iterable[Entry]) -> tuple[Epoch, ...]:
    starts: dict[float, float] = {}
    ends: dict[float, tuple[float, float]] = {}
    for entry in entries:
        number = as_number(entry.fields.get("epoch"))
        if number is None or not math.isfinite(number):
            continue
        if entry.event == "EpochStart":
            starts[number] = entry.elapsed_s
        elif entry.event == "EpochEnd":
            loss = as_number(entry.fields.get("loss"))
            ends[number] = (entry.elapsed_s, math.nan if loss is None else loss)
    numbers = sorted(starts.keys() | ends.keys())
    return tuple(Epoch(n, starts.get(n), *ends.get(n, (None, None))) for n in numbers)


def _observed(entries: Iterable[Entry]) -> dict[str, list[tuple[float, float]]]:
    """Return (epoch, value) for each name that Telemetry events carried, as they appeared.

    A value belongs to the epoch that the same event names, or else to the last that began.
    """
    observed: dict[str, list[tuple[float, float]]] = {}
    current = 0.0
    for entry in entries:
        if entry.event in ("EpochStart", "EpochEnd"):
            current = as_number(entry.fields.get("epoch")) or current
        elif entry.event == "Telemetry":
            data = _mapping(entry.fields.get("data"))
            epoch = as_number(data.get("epoch")) or current
            for name, value in data.items():
                number = as_number(value)
                if number is not None:
                    observed.setdefault(name, []).append((epoch, number))
    return observed


def _curve(name: str, values: list[tuple[float, float]]) -> Curve:
    """Return a curve over epochs if there is one value for each, else over observations."""
    epochs = {epoch for epoch, _ in values}
    by_epoch = len(epochs) == len(values) and all(0 < e < math.inf for e in epochs)
    series = Series(name)
    for epoch, value in values:
        series(value, step=epoch if by_epoch else None)
    return Curve(name, series.points(), "epoch" if by_epoch else "observation")


def _failures(entries: Iterable[Entry]) -> list[Failure]:
    failures = []
    for entry in entries:
        fields = entry.fields
        match entry.event:
            case "PluginFailed" if fields.get("state") != "unavailable":
                what = f"plugin {_text(fields.get('plugin_id'))} {_text(fields.get('state'))}"
                failures.append(Failure(what, _text(fields.get("reason")), entry.elapsed_s))
            case "ListenerFailed":
                event = _text(_mapping(fields.get("event")).get("event"))
                what = f"plugin {_text(fields.get('plugin_id'))} on {event}"
                failures.append(Failure(what, _text(fields.get("error")), entry.elapsed_s))
            case "PluginUnloaded" if fields.get("errors"):
                what = f"plugin {_text(fields.get('plugin_id'))} while unloading"
                errors = fields["errors"] if isinstance(fields["errors"], list) else []
                why = "; ".join(_text(error) for error in errors)
                failures.append(Failure(what, why, entry.elapsed_s))
            case "RunFinished" if fields.get("status") == "failed":
                why = _text(_mapping(fields.get("summary")).get("error")) or "no reason was given"
                failures.append(Failure("the run", why, entry.elapsed_s))
    return failures


def _duration(entries: tuple[Entry, ...], started: Entry | None, finished: Entry | None) -> float:
    start = started.elapsed_s if started else 0.0
    end = finished or (entries[-1] if entries else None)
    return max(0.0, end.elapsed_s - start) if end else 0.0


def _last(entries: Iterable[Entry], event: str) -> Entry | None:
    return next((e for e in reversed(tuple(entries)) if e.event == event), None)


def _mapping(value: Any) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return "" if value is None else str(value)
