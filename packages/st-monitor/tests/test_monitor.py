"""Runs recorded as their events are published: complete, in order, whatever happens."""

import json
import logging
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from st.core import (
    EpochEnd,
    EpochStart,
    Event,
    ListenerFailed,
    PluginEvent,
    PluginLoaded,
    Registry,
    RunFinished,
    RunStarted,
    ServiceRegistered,
    Telemetry,
    TensorOp,
)
from st.core.panels import PANELS, Panel, Table
from st.monitor import MonitorPlugin, NoRecordError, read_run, write_report


def started(run: Path) -> RunStarted:
    return RunStarted(run.name, str(run), {"epochs": 2}, {"st-core": "0.1"}, 7)


def finished(run: Path, status: str = "finished") -> RunFinished:
    return RunFinished(run.name, status, {"accuracy": 0.98})


def events(run: Path) -> list[str]:
    return [entry.event for entry in read_run(run).entries]


def report(run: Path) -> str:
    return (run / "monitor" / "report.html").read_text(encoding="utf-8")


def account(run: Path) -> Any:
    return read_run(run).summary["journal"]


def publish(registry: Registry, *published: Event) -> None:
    for event in published:
        registry.bus.publish(event)


def test_everything_published_is_recorded_in_order(registry: Registry, run: Path) -> None:
    custom = [PluginEvent.custom(f"Custom{i}", i) for i in range(20)]
    published = [started(run), EpochStart(1), *custom, EpochEnd(1, 0.5), finished(run)]

    publish(registry, *published)

    recorded = read_run(run).entries
    during = [entry.event for entry in recorded if entry.elapsed_s >= 0]
    assert during == [event.event_name for event in published]
    assert [entry.seq for entry in recorded] == list(range(1, len(recorded) + 1))
    assert account(run)["n_recorded"] == account(run)["n_published"] == len(recorded)


def test_events_before_a_run_open_its_record(registry: Registry, run: Path) -> None:
    publish(registry, PluginLoaded("louder"), started(run), finished(run))

    first = [entry for entry in read_run(run).entries if entry.event == "PluginLoaded"]

    assert first[-1].fields == {"plugin_id": "louder", "seconds": 0.0}
    assert first[-1].elapsed_s < 0


def test_single_operations_stay_cold_between_runs(registry: Registry, run: Path) -> None:
    topic = registry.bus.topic(TensorOp)
    before = topic.record
    publish(registry, started(run), TensorOp("add", (), 0, 1, "NumPy", ""), finished(run))

    assert before is topic.record is None
    assert "TensorOp" not in events(run)


def test_what_a_listener_publishes_comes_after_what_it_heard(registry: Registry, run: Path) -> None:
    registry.bus.subscribe(
        EpochEnd, lambda event: registry.bus.publish(Telemetry({"half": event.loss / 2})), rank=9
    )

    publish(registry, started(run), EpochEnd(1, 0.5), finished(run))

    assert events(run)[-3:] == ["EpochEnd", "Telemetry", "RunFinished"]


def test_threads_lose_nothing(registry: Registry, run: Path) -> None:
    publish(registry, started(run))
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for epoch in range(100):
            registry.bus.publish(EpochEnd(epoch, 0.5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish(registry, finished(run))

    assert events(run).count("EpochEnd") == 400
    assert account(run)["n_lost"] == 0


def test_record_of_the_last_run_ends_with_the_program(run: Path) -> None:
    with Registry() as registry:
        registry.register(MonitorPlugin)
        publish(registry, started(run), EpochEnd(1, 0.5), finished(run, "interrupted"))

    recorded = read_run(run).entries
    assert [entry.event for entry in recorded][-2:] == ["RunFinished", "SystemShutdown"]
    assert [entry.seq for entry in recorded] == list(range(1, len(recorded) + 1))
    assert account(run)["n_recorded"] == account(run)["n_published"] == len(recorded)
    assert f"{len(recorded)} events published" in report(run)


def test_run_that_was_deleted_before_the_program_ends_stays_deleted(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Registry() as registry:
        registry.register(MonitorPlugin)
        publish(registry, started(run), finished(run))
        shutil.rmtree(run)

    assert not run.exists()
    assert not caplog.records


def test_second_run_has_a_record_of_its_own(registry: Registry, tmp_path: Path) -> None:
    first, second = tmp_path / "digits-1", tmp_path / "digits-2"
    first.mkdir()
    second.mkdir()
    counter = registry.get_service("metrics").counter("steps")

    publish(registry, started(first))
    counter(3)
    publish(registry, EpochEnd(1, 0.5), finished(first), started(second))
    counter(4)
    publish(registry, EpochEnd(1, 0.25), EpochEnd(2, 0.125), finished(second))

    assert [events(run).count("EpochEnd") for run in (first, second)] == [1, 2]
    metrics: list[Any] = [read_run(run).summary["metrics"] for run in (first, second)]
    assert [kinds["counter"]["steps"]["value"] for kinds in metrics] == [3, 4]


def test_runs_that_overlap_are_both_recorded(registry: Registry, tmp_path: Path) -> None:
    first, second = tmp_path / "digits-1", tmp_path / "digits-2"
    first.mkdir()
    second.mkdir()

    publish(registry, started(first), started(second), EpochEnd(1, 0.5))
    publish(registry, finished(first), EpochEnd(2, 0.5), finished(second))

    assert [events(run).count("EpochEnd") for run in (first, second)] == [1, 2]
    assert registry.get_service("monitor").runs == ()


@pytest.mark.parametrize("status", ["finished", "interrupted", "failed"])
def test_report_tells_how_the_run_ended(registry: Registry, run: Path, status: str) -> None:
    publish(registry, started(run), finished(run, status))

    assert f'<span class="status {status}">{status}</span>' in report(run)


def test_unloading_in_mid_run_closes_the_record_and_reports(registry: Registry, run: Path) -> None:
    publish(registry, started(run), EpochEnd(1, 0.5))

    registry.unregister("monitor")
    publish(registry, EpochEnd(2, 0.25))

    assert events(run).count("EpochEnd") == 1
    assert '<span class="status unfinished">unfinished</span>' in report(run)


def test_run_that_starts_again_under_its_name_goes_on_in_its_record(
    registry: Registry, run: Path
) -> None:
    publish(registry, started(run), EpochEnd(1, 0.5), started(run), EpochEnd(2, 0.25))
    publish(registry, finished(run))

    assert [name for name in events(run) if name != ServiceRegistered.event_name][-5:] == [
        "RunStarted",
        "EpochEnd",
        "RunStarted",
        "EpochEnd",
        "RunFinished",
    ]


@pytest.mark.parametrize("moment", ["before the start", "in mid-run"])
def test_run_directory_that_vanishes_disturbs_nobody(
    registry: Registry, run: Path, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    failed: list[ListenerFailed] = []
    registry.bus.subscribe(ListenerFailed, failed.append)
    caplog.set_level(logging.WARNING)

    if moment == "in mid-run":
        publish(registry, started(run))
    shutil.rmtree(run)
    if moment == "before the start":
        publish(registry, started(run))
    publish(registry, EpochEnd(1, 0.5), EpochEnd(2, 0.25), finished(run))

    assert not failed
    assert not run.exists()
    assert len(caplog.records) == 1


def test_directory_that_cannot_be_made_is_a_fault_not_an_error(
    registry: Registry, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "monitor").write_text("a file where the directory should be")

    publish(registry, started(run), EpochEnd(1, 0.5), finished(run))

    assert "monitor could not be made" in caplog.text
    with pytest.raises(NoRecordError):
        read_run(run)


def test_telemetry_becomes_series(registry: Registry, run: Path) -> None:
    publish(registry, started(run), Telemetry({"accuracy": 0.5}), Telemetry({"accuracy": 0.75}))

    series = registry.get_service("metrics").series("accuracy")

    assert [point.mean for point in series.points()] == [0.5, 0.75]


def test_telemetry_named_like_a_counter_is_recorded_all_the_same(
    registry: Registry, run: Path
) -> None:
    registry.get_service("metrics").counter("steps")

    publish(registry, started(run), Telemetry({"steps": 3.0, "accuracy": 0.5}), finished(run))

    assert read_run(run).entries[-2].fields == {"data": {"steps": 3.0, "accuracy": 0.5}}
    assert registry.get_service("metrics").series("accuracy").n == 1


def test_panels_are_in_the_report_and_survive_in_the_directory(
    registry: Registry, run: Path
) -> None:
    publish(registry, started(run))
    registry.get_service(PANELS).add(run.name, Panel("Sizes", Table(("n",), ((1437,),))))
    publish(registry, finished(run))

    assert "1,437" in report(run)
    assert json.loads((run / "monitor" / "panels.json").read_text())["panels"][0]["rows"] == [
        [1437]
    ]


def test_panel_added_while_others_hear_of_the_end_is_in_the_report(
    registry: Registry, run: Path
) -> None:
    panel = Panel("Late", Table(("n",), ((1,),)))
    registry.bus.subscribe(
        RunFinished, lambda event: registry.get_service(PANELS).add(event.run_id, panel)
    )

    publish(registry, started(run), finished(run))

    assert "<h2>Late</h2>" in report(run)


def test_listener_that_fails_at_the_end_is_in_record_and_report(
    registry: Registry, run: Path
) -> None:
    def fail(event: RunFinished) -> None:
        raise ValueError("no voice")

    registry.bus.subscribe(RunFinished, fail)
    publish(registry, started(run), finished(run))

    assert events(run)[-2:] == ["RunFinished", "ListenerFailed"]
    assert "ValueError: no voice" in report(run)


def test_panel_added_after_the_end_is_in_the_report(registry: Registry, run: Path) -> None:
    publish(registry, started(run), finished(run))
    registry.get_service(PANELS).add(run.name, Panel("Later", Table(("n",), ((1,),))))

    assert "<h2>Later</h2>" in report(run)


def test_panel_of_the_same_title_takes_the_place_of_the_first(
    registry: Registry, run: Path
) -> None:
    publish(registry, started(run))
    for n in (1, 2):
        registry.get_service(PANELS).add(run.name, Panel("Sizes", Table(("n",), ((n,),))))

    assert [panel["rows"] for panel in read_run(run).panels] == [[[2]]]


def test_panel_for_an_unknown_run_is_told_and_dropped(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.get_service(PANELS).add("nobody", Panel("Sizes", Table(("n",), ((1,),))))

    assert "panel 'Sizes' is for run 'nobody', which is not recorded" in caplog.text


def test_summary_lists_the_plugins(registry: Registry, run: Path) -> None:
    publish(registry, started(run))

    plugins: Any = read_run(run).summary["plugins"]

    assert [plugin["id"] for plugin in plugins] == ["monitor"]
    assert plugins[0]["capabilities"] == ["Telemetry", "Visualization"]


def test_report_made_again_from_the_directory_is_the_same(registry: Registry, run: Path) -> None:
    publish(registry, started(run), EpochEnd(1, 0.5), finished(run))
    first = report(run)

    write_report(run)

    assert report(run) == first


def test_report_of_a_killed_run_is_made_from_what_is_there(registry: Registry, run: Path) -> None:
    publish(registry, started(run), EpochStart(1), EpochEnd(1, 0.5))
    copy = run.with_name("copy")
    shutil.copytree(run, copy)
    with (copy / "monitor" / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 99, "ti')

    write_report(copy)

    assert "unfinished" in report(copy)
    assert "1 of" in report(copy)


def test_process_that_dies_without_clean_up_loses_nothing(run: Path) -> None:
    code = """
import os, sys
from st.core import EpochEnd, Registry, RunStarted
from st.monitor import MonitorPlugin
registry = Registry()
registry.register(MonitorPlugin)
registry.bus.publish(RunStarted("digits-1", sys.argv[1], {}, {}, 7))
for epoch in range(500):
    registry.bus.publish(EpochEnd(epoch, 0.5))
os._exit(1)
"""

    subprocess.run([sys.executable, "-c", code, str(run)], check=False)

    assert events(run).count("EpochEnd") == 500
    write_report(run)
    assert "unfinished" in report(run)


@pytest.mark.parametrize("n_times", [1, 3], ids=["once", "again and again"])
def test_loading_and_unloading_leaves_nothing_behind(n_times: int) -> None:
    with Registry() as registry:
        for _ in range(n_times):
            registry.register(MonitorPlugin)
            registry.unregister("monitor")

        assert registry.get_service(PANELS, default=None) is None
        assert registry.bus.publish_report(EpochEnd(1, 0.5)).matched == 0
