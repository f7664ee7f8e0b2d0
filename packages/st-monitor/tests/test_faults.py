"""What can go wrong with disks, numbers, names and threads, and what the record keeps of it."""

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from st.core import EpochEnd, ListenerFailed, Registry, RunFinished, RunStarted, Telemetry, TensorOp
from st.monitor import MonitorPlugin, read_run, write_report


@pytest.fixture
def full() -> Iterator[Registry]:
    """A registry whose monitor records every operation."""
    with Registry() as registry:
        registry.config.set("monitor", "mode", "full")
        registry.register(MonitorPlugin)
        yield registry


def counts(run: Path) -> dict[str, int]:
    return {operator.op: operator.n for operator in read_run(run).operators}


def started(run: Path) -> RunStarted:
    return RunStarted(run.name, str(run), {}, {}, 7)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a place read-only to the superuser")
def test_directory_that_is_read_only_disturbs_nobody(
    full: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[ListenerFailed] = []
    full.bus.subscribe(ListenerFailed, failed.append)

    full.bus.publish(RunStarted("r", "/sys/kernel", {}, {}, 7))
    full.bus.publish(TensorOp("add", (), 1, 2, "NumPy", ""))
    full.bus.publish(RunFinished("r", "finished", {}))

    assert failed == []
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["run.db", "trace", "summary.json", "report.html"])
def test_place_that_is_taken_costs_what_belongs_there(full: Registry, run: Path, name: str) -> None:
    taken = run / "monitor" / name
    if name == "trace":
        taken.parent.mkdir()
        taken.write_text("a file where a directory should be")
    else:
        taken.mkdir(parents=True)

    full.bus.publish(started(run))
    full.bus.publish(TensorOp("add", (), 1, 2, "NumPy", ""))
    full.bus.publish(EpochEnd(1, 0.5))
    full.bus.publish(RunFinished(run.name, "finished", {}))

    recorded = read_run(run)
    assert [e.event for e in recorded.entries][-2:] == ["EpochEnd", "RunFinished"]
    # The trace and the database stand in for each other.
    assert counts(run) == {"add": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of files")
def test_disk_that_is_full_disturbs_nobody(full: Registry, run: Path) -> None:
    import resource

    full.bus.publish(started(run))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # No file may grow beyond this: the system refuses as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        for i in range(20_000):
            full.bus.publish(TensorOp("add", (), i, i + 5, "NumPy", ""))
        full.bus.publish(EpochEnd(1, 0.5))
        full.bus.publish(RunFinished(run.name, "finished", {}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    summary: Any = read_run(run).summary
    assert "could not be written" in str(summary["journal"]["faults"])
    account = summary["operations"]
    assert account["n_published"] == 20_000
    assert account["n_recorded"] + account["n_dropped"] == 20_000
    assert account["n_traced"] + account["n_trace_lost"] == account["n_recorded"]


def test_numbers_that_are_none_are_recorded_as_such(full: Registry, run: Path) -> None:
    values = {"nan": float("nan"), "more": float("inf"), "less": float("-inf"), "huge": 1e308}

    full.bus.publish(started(run))
    for _ in range(3):
        full.bus.publish(Telemetry(values))
    full.bus.publish(EpochEnd(1, float("nan")))
    full.bus.publish(RunFinished(run.name, "finished", {"loss": float("inf")}))

    metrics: Any = read_run(run).summary["metrics"]
    assert metrics["series"]["nan"]["n_not_finite"] == 3
    assert "NaN" in (run / "monitor" / "report.html").read_text(encoding="utf-8")


def test_a_million_operator_names_stay_within_bounds(full: Registry, run: Path) -> None:
    full.bus.publish(started(run))
    topic = full.bus.topic(TensorOp)
    for first in range(0, 1_000_000, 20_000):
        for i in range(first, first + 20_000):
            assert topic.record is not None
            topic.record((f"op{i}", (), 1, 2, "NumPy", ""))
        full.get_service("monitor").drain.turn()
    full.bus.publish(RunFinished(run.name, "finished", {}))

    account: Any = read_run(run).summary["operations"]
    assert account["n_recorded"] + account["n_dropped"] == 1_000_000
    assert sum(counts(run).values()) == account["n_recorded"]
    assert len(counts(run)) <= 1024


def test_clock_that_steps_back_leaves_order_and_duration(full: Registry, run: Path) -> None:
    full.bus.publish(started(run))
    full.bus.publish(EpochEnd(1, 0.5))
    full.bus.publish(RunFinished(run.name, "finished", {}))
    events = run / "monitor" / "events.jsonl"
    before = [entry.elapsed_s for entry in read_run(run).entries]
    # What is on the lines when the machine's clock is set back in mid-run.
    head, last = events.read_text(encoding="utf-8").strip().rsplit("\n", 1)
    year = last.split('"time":"')[1][:4]
    events.write_text(f"{head}\n{last.replace(year, str(int(year) - 1), 1)}\n", encoding="utf-8")

    assert [entry.elapsed_s for entry in read_run(run).entries] == before
    write_report(run)


def test_publishers_that_go_on_while_the_run_ends_are_all_accounted_for(
    full: Registry, run: Path
) -> None:
    full.bus.publish(started(run))
    topic = full.bus.topic(TensorOp)
    begin, published = threading.Barrier(5), [0] * 4

    def publish(number: int) -> None:
        begin.wait()
        for i in range(3000):
            record = topic.record
            if record is None:
                return
            record(("add", (), i, i + 5, "NumPy", ""))
            published[number] += 1

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    begin.wait()
    for thread in threads:
        thread.join()
    full.bus.publish(RunFinished(run.name, "finished", {}))

    account: Any = read_run(run).summary["operations"]
    assert account["n_published"] == sum(published)
    assert account["n_recorded"] + account["n_dropped"] == sum(published)
    assert counts(run) == {"add": account["n_recorded"]}
