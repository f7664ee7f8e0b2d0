"""When things happened, drawn."""

import re
from pathlib import Path

from st.core import RunStarted
from st.monitor.history import history
from st.monitor.store.journal import Entry, entry_of
from st.monitor.store.recorded import RecordedRun
from st.monitor.views.timeline import outline, timeline


def drawing(*timed: tuple[float, str, dict[str, object]]) -> str:
    entries = tuple(
        Entry(i, "", at, name, fields)  # type: ignore[arg-type]  # numbers and texts
        for i, (at, name, fields) in enumerate(timed)
    )
    return timeline(entries, history(RecordedRun(Path("run"), entries, (), {}, ())))


def test_epoch_is_a_bar_as_wide_as_it_was_long() -> None:
    page = drawing(
        (0.0, "RunStarted", {}),
        (0.0, "EpochStart", {"epoch": 1}),
        (1.0, "EpochEnd", {"epoch": 1, "loss": 0.5}),
        (1.0, "EpochStart", {"epoch": 2}),
        (3.0, "EpochEnd", {"epoch": 2, "loss": 0.25}),
    )

    first, second = (float(width) for width in re.findall(r'<rect [^>]*width="([^"]+)"', page))
    # A gap of one pixel after each bar.
    assert round((second + 1) / (first + 1), 1) == 2.0
    assert "epoch 2 · 2 s · loss 0.25" in page


def test_each_kind_of_event_has_its_lane_and_only_then() -> None:
    page = drawing((0.0, "RunStarted", {}), (1.0, "Saved", {}))

    assert re.findall(r'class="lane">(\w+)<', page) == ["Run", "Other"]


def test_failure_is_marked() -> None:
    page = drawing((0.0, "RunStarted", {}), (1.0, "ListenerFailed", {"plugin_id": "louder"}))

    assert page.count("mark bad") == 1


def test_many_events_make_few_marks() -> None:
    page = drawing(*((i / 100, "Telemetry", {}) for i in range(5000)))

    assert page.count("<circle") <= 400


def test_outline_of_an_event_is_one_short_line() -> None:
    started = RunStarted("digits-1", "runs", {"seed": 7}, {}, 7)

    assert outline(entry_of(started).fields) == (
        "run_id digits-1 · directory runs · config {seed 7} · versions {} · seed 7"
    )
    assert len(outline({"text": "x" * 9999})) == 200


def test_epoch_that_was_never_ended_lasts_to_the_end() -> None:
    page = drawing((0.0, "EpochStart", {"epoch": 1}), (2.0, "Telemetry", {}))

    assert "epoch 1 · 2 s · unfinished" in page


def test_times_beyond_reason_stay_in_the_drawing() -> None:
    page = drawing((-1e308, "RunStarted", {}), (1e308, "RunFinished", {}))

    first, last = (float(x) for x in re.findall(r'cx="([^"]+)"', page))
    assert 0 < first < last < 980
