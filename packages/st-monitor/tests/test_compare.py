"""Two runs compared, and a record verified: what is told is what is so."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st.core import EpochEnd, Registry, RunFinished, RunStarted, TensorOp
from st.monitor import MonitorPlugin, read_run
from st.monitor.sketch import Sketch
from st.monitor.store.database import StoredOperator
from st.monitor.store.recorded import RecordedRun
from st.monitor.verify import verify
from st.monitor.views.compare import compare


def record(run: Path, lr: float, duration_ns: int, accuracy: float) -> Path:
    run.mkdir()
    chosen = random.Random(7)
    with Registry() as registry:
        registry.config.set("monitor", "mode", "full")
        registry.register(MonitorPlugin)
        config = {"optimizer": {"lr": lr}, "epochs": 2}
        registry.bus.publish(RunStarted(run.name, str(run), config, {"numpy": "2.4"}, 7))
        for i in range(400):
            took = round(duration_ns * chosen.uniform(0.9, 1.1))
            registry.bus.publish(TensorOp("matmul", (), i, i + took, "NumPy", "body.0"))
        for epoch in (1, 2):
            registry.bus.publish(EpochEnd(epoch, 1 / epoch))
        registry.bus.publish(RunFinished(run.name, "finished", {"accuracy": accuracy}))
    return run


def test_runs_differ_in_what_was_made_different(tmp_path: Path) -> None:
    first = record(tmp_path / "first", 0.01, 1000, 0.9)
    second = record(tmp_path / "second", 0.02, 3000, 0.95)

    found = compare(read_run(first), read_run(second))

    assert found.settings == (("optimizer.lr", "0.01", "0.02", ""),)
    outcome = {name: (before, after, change) for name, before, after, change in found.outcome}
    assert outcome["accuracy"] == ("0.9", "0.95", "+5.56 %")
    assert outcome["epochs"] == ("2", "2", "same")
    [(name, *_, change)] = found.operators
    assert name == "matmul"
    low, high = (float(part) for part in change.removeprefix("times ").split(" to "))
    assert low <= 3 <= high
    assert high / low < 1.2


def test_run_compared_with_itself_shows_no_change(tmp_path: Path) -> None:
    run = read_run(record(tmp_path / "first", 0.01, 1000, 0.9))

    found = compare(run, run)

    assert found.settings == ()
    assert found.operators[0][-1] == "no clear change"


def operators(values: list[float]) -> RecordedRun:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    stored = StoredOperator("matmul", "NumPy", "", len(values), sketch)
    return RecordedRun(Path(), (), (), {}, (), (stored,))


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.floats(1.0, 3.0))
def test_interval_of_a_change_holds_the_true_one(seed: int, factor: float) -> None:
    chosen = random.Random(seed)
    pair = [
        operators([scale * chosen.lognormvariate(8, 0.7) for _ in range(500)])
        for scale in (1.0, factor)
    ]

    [(*_, change)] = compare(*pair).operators

    # At 95 % for each of two medians an interval misses once in some hundred times, hardly ever
    # by more than a tenth.
    if change == "no clear change":
        assert factor < 1.6
    else:
        low, high = (float(part) for part in change.removeprefix("times ").split(" to "))
        assert low / 1.15 <= factor <= high * 1.15


def test_too_few_timings_are_not_compared() -> None:
    [(*_, change)] = compare(operators([1.0] * 5), operators([9.0] * 500)).operators

    assert change == "too few"


def test_whole_record_is_found_whole(tmp_path: Path) -> None:
    run = record(tmp_path / "first", 0.01, 1000, 0.9)

    found = verify(run)

    assert [finding.told for finding in found if not finding.is_good] == []
    told = " ".join(finding.told for finding in found)
    assert "400 operations published = 400 recorded + 0 dropped + 0 pending" in told


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("run.db", "run.db"),
        ("events.jsonl", "lines of events.jsonl are unreadable"),
        ("trace", "bytes of the trace are damaged or cut short"),
        ("summary.json", "summary.json is unreadable"),
    ],
)
def test_damage_is_found_wherever_it_is(tmp_path: Path, name: str, complaint: str) -> None:
    run = record(tmp_path / "first", 0.01, 1000, 0.9)
    damaged = run / "monitor" / name
    if damaged.is_dir():
        [damaged] = damaged.iterdir()
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xff" * len(content[middle : middle + 2000])
    damaged.write_bytes(bytes(content))

    bad = [finding.told for finding in verify(run) if not finding.is_good]

    assert any(complaint in told for told in bad)


def test_missing_line_is_missed(tmp_path: Path) -> None:
    run = record(tmp_path / "first", 0.01, 1000, 0.9)
    events = run / "monitor" / "events.jsonl"
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(lines[:3] + lines[4:]))

    assert any("1 missing" in told for is_good, told in verify(run) if not is_good)
