"""The report: complete, offline, and nobody's data becomes part of the page."""

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st.core import (
    BackendChanged,
    EpochEnd,
    EpochStart,
    Event,
    ListenerFailed,
    PluginLoaded,
    RunFinished,
    RunStarted,
    Telemetry,
)
from st.core.panels import Images, Matrix, Panel, Series, Table
from st.monitor import RecordedRun
from st.monitor.panels import stored
from st.monitor.plain import plain
from st.monitor.store.journal import Entry, entry_of
from st.monitor.views.html import visible
from st.monitor.views.report import report

ALLOWED_TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "main", "header", "section"),
    *("footer", "div", "p", "h1", "h2", "span", "dl", "dt", "dd", "ul", "li", "strong", "time"),
    *("i", "figure", "figcaption", "img", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "line", "polyline", "polygon", "circle", "rect", "text", "path"),
}
FIELDS = [
    *("run_id", "config", "versions", "seed", "summary"),
    *("status", "epoch", "loss", "data", "reason"),
]
PARTS = [
    *("title", "note", "rows", "columns", "values"),
    *("images", "captions", "x", "lines", "x_title"),
]
HOSTILE = {
    "script": "</script><script>alert(1)</script>",
    "handler": "<img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)',
    "style": "</title></style><style>*{background:url(https://example.org)}</style>",
    "address": "javascript:alert(1)",
    "terminal": "\x1b]0;owned\x07",
    "order": "\u202egnp.exe",
    "surrogate": "\ud800",
    "comment": "]]><!-- -->",
}
HOSTILE_TEXT = st.sampled_from(list(HOSTILE.values())) | st.text(max_size=30)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | HOSTILE_TEXT
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HOSTILE_TEXT, inner, max_size=4),
    max_leaves=12,
)


class Page(HTMLParser):
    """What a browser would make of a report."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.style = ""
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data

    def values(self, tag: str, name: str) -> list[str]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]


def recorded(
    *events: Event, panels: tuple[Panel, ...] = (), summary: dict[str, Any] | None = None
) -> RecordedRun:
    entries = tuple(
        replace(entry_of(event), seq=i + 1, elapsed_s=i / 10) for i, event in enumerate(events)
    )
    shown = tuple(stored(panel) for panel in panels)
    return RecordedRun(Path("runs/digits-1"), entries, shown, summary or {}, ())


def assert_harmless(page: str) -> Page:
    """What must hold for every page, whatever data it shows."""
    page.encode("utf-8")
    read = Page(page)
    assert not read.open
    assert set(read.tags) <= ALLOWED_TAGS
    assert not [name for _, name, _ in read.attributes if name.startswith("on") or name == "style"]
    addresses = [v for _, name, v in read.attributes if name in ("src", "href", "xlink:href")]
    assert all(address.startswith("data:") for address in addresses)
    places = [v for _, name, v in read.attributes if name in ("x", "y", "cx", "cy", "width")]
    assert all(math.isfinite(float(place)) for place in places)
    assert read.tags.count("style") == 1
    assert not re.search(r"url\(|@import|https?:", read.style)
    return read


RUN = (
    PluginLoaded("nn"),
    RunStarted(
        "digits-1",
        "runs/digits-1",
        {
            "epochs": 2,
            "shuffle": True,
            "model": [{"type": "linear", "out_features": 128}, {"type": "relu"}],
            "data": {"held_out": 0.2},
        },
        {"st-core": "0.1.0", "numpy": "2.3"},
        7,
    ),
    BackendChanged("NumPy", "no GPU was found"),
    EpochStart(1),
    Telemetry({"epoch": 1, "held_out_accuracy": 0.9, "images_per_second": 1e5}),
    EpochEnd(1, 0.5),
    EpochStart(2),
    Telemetry({"epoch": 2, "held_out_accuracy": 0.95, "images_per_second": 2e5}),
    EpochEnd(2, 0.25),
    RunFinished("digits-1", "finished", {"accuracy": 0.978, "correct": 352, "total": 360}),
)


def test_policy_allows_the_page_its_own_style_and_nothing_else() -> None:
    page = assert_harmless(report(recorded(*RUN)))

    (policy,) = page.values("meta", "content")[:1]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_headline_tells_result_time_backend_and_status() -> None:
    text = Page(report(recorded(*RUN))).text

    for told in (
        "0.978",
        "352 of 360",
        "800 ms",
        "NumPy",
        "no GPU was found",
        "finished",
        "seed 7",
    ):
        assert told in text


@pytest.mark.parametrize(
    "told",
    ["Training loss", "Held out accuracy", "Images per second", "highest 0.95 at epoch 2"],
)
def test_curves_are_named(told: str) -> None:
    assert told in Page(report(recorded(*RUN))).text


def test_telemetry_is_not_drawn_a_second_time_from_the_recorded_series() -> None:
    series = {"points": [[1, 0.9, 0.9, 0.9, 1], [2, 0.95, 0.95, 0.95, 1]]}
    names = ("held_out_accuracy", "images_per_second", "epoch")
    summary = {"metrics": {"series": dict.fromkeys(names, series)}}

    assert report(recorded(*RUN, summary=summary)).count("<polyline") == 3


def test_losses_of_two_kinds_share_one_chart() -> None:
    told = [Telemetry({"epoch": n, "held_out_loss": 0.5 / n}) for n in (1, 2)]

    page = report(recorded(*RUN[:6], *told, *RUN[6:]))

    assert 'class="swatch line-1"></i>held out' in page
    assert "Training loss" not in page


@pytest.mark.parametrize(
    "told",
    ["linear · out_features = 128", "model 2", "data.held_out", "numpy", "true"],
)
def test_configuration_and_versions_are_shown(told: str) -> None:
    assert told in Page(report(recorded(*RUN))).text


def test_confusion_matrix_is_a_heat_map_with_its_own_diagonal() -> None:
    matrix = Matrix(("3", "8"), ("3", "8"), ((35, 0), (1, 36)), "actual", "predicted")

    page = report(recorded(*RUN, panels=(Panel("Confusion matrix", matrix, "By digit."),)))

    assert '<td class="on-10">35</td><td class="zero">·</td>' in page
    assert '<td class="off-10">1</td><td class="on-10">36</td>' in page
    assert {"Confusion matrix", "actual", "predicted", "By digit."} <= set(
        re.findall(r">([^<>]+)<", page)
    )


def test_matrix_of_different_rows_and_columns_has_no_diagonal() -> None:
    matrix = Matrix(("a", "b"), ("x", "y"), ((4, 1), (0, 4)), "row", "column")

    assert 'class="on-' not in report(recorded(panels=(Panel("m", matrix),)))


def test_mistakes_are_images_with_captions() -> None:
    images = Images((((0.0, 1.0), (0.5, 0.0)),), ("8→1",))

    page = Page(report(recorded(*RUN, panels=(Panel("Mistakes", images),))))

    assert page.values("img", "alt") == ["8→1"]
    assert page.values("img", "src")[0].startswith("data:image/png;base64,iVBORw0KGgo")


def test_series_of_a_plugin_is_a_chart() -> None:
    series = Series((1, 2, 3), {"lr": (0.1, 0.2, 0.1), "momentum": (1, 1, 1)}, "step", "rate")

    page = report(recorded(panels=(Panel("Schedule", series),)))

    assert page.count("<polyline") == 2
    assert "step 2   lr 0.2   momentum 1" in page


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    table = Table(("module", "parameters"), (("linear", 8320), ("relu", 0)))

    page = report(recorded(panels=(Panel("Model", table),)))

    assert '<td>linear</td><td class="n">8,320</td>' in page


def test_long_table_says_how_much_is_left_out() -> None:
    rows = tuple((i,) for i in range(1200))

    assert "and 700 more rows" in report(recorded(panels=(Panel("t", Table(("n",), rows)),)))


def test_plugins_are_listed_with_state_and_reason() -> None:
    plugin = {
        "id": "opencl",
        "version": "0.1.0",
        "state": "unavailable",
        "reason": "no OpenCL device",
        "capabilities": ["Backend(OpenCL)"],
        "origin": "st-backend-opencl",
    }

    text = Page(report(recorded(*RUN, summary={"plugins": [plugin]}))).text

    for told in ("opencl", "0.1.0", "unavailable", "no OpenCL device", "Backend(OpenCL)"):
        assert told in text
    assert "What went wrong" not in text


def test_failures_are_told_with_their_cause() -> None:
    failed = ListenerFailed(EpochEnd(1, 0.5), "louder", ValueError("no voice"))

    text = Page(report(recorded(*RUN, failed))).text

    assert "What went wrong" in text
    assert "plugin louder on EpochEnd" in text
    assert "ValueError: no voice" in text


def test_lost_events_are_accounted_for() -> None:
    journal = {"n_published": 12, "n_recorded": 10, "n_lost": 2, "faults": ["the disk was full"]}

    text = Page(report(recorded(*RUN, summary={"journal": journal}))).text

    assert "12 events published = 10 recorded + 2 lost" in text
    assert "2 events could not be written" in text
    assert "the disk was full" in text


def test_figures_of_plugins_are_shown() -> None:
    histogram = {"n": 3, "p50": 0.25, "p90": 0.5, "p99": 0.5, "high": 0.5, "unit": "s"}
    metrics = {
        "counter": {"nn.images": {"value": 1437, "unit": ""}},
        "histogram": {"loading": histogram},
        "series": {"rate": {"points": [[1, 2, 2, 2, 1], [2, 3, 3, 3, 1]]}},
    }

    text = Page(report(recorded(*RUN, summary={"metrics": metrics}))).text

    for told in ("nn images", "1,437", "loading", "0.25", "Rate"):
        assert told in text


def test_every_event_is_listed() -> None:
    page = report(recorded(*RUN))

    assert f"All {len(RUN)} events" in page
    assert page.count("<td>EpochEnd</td>") == 2


def test_report_of_many_events_stays_small() -> None:
    page = report(recorded(*(Telemetry({f"a{i % 9}": float(i)}) for i in range(20_000))))

    assert "19,000 in the middle left out" in page
    assert len(page) < 2_000_000


def test_report_of_nothing_is_a_page_all_the_same() -> None:
    assert "unfinished" in assert_harmless(report(recorded())).text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_in_every_place_is_shown_as_text(text: str) -> None:
    everywhere = (
        RunStarted(text, text, {text: text, "model": [{"type": text}]}, {text: text}, 7),
        BackendChanged(text, text),
        EpochStart(1),
        Telemetry({text: 1.0, text + "loss": 2.0}),
        ListenerFailed(EpochEnd(1, 0.5), text, ValueError(text)),
        RunFinished(text, text, {text: 1.0, "error": text}),
    )
    panels = (
        Panel(text, Table((text,), ((text,),)), text),
        Panel(text, Matrix((text,), (text,), ((1,),), text, text)),
        Panel(text, Images((((0.5,),),), (text,))),
        Panel(text, Series((1, 2), {text: (1, 2), "b": (1, 2)}, text, text)),
    )
    names = dict.fromkeys(("id", "version", "state", "reason", "origin"), text)
    summary: dict[str, Any] = {
        "plugins": [{**names, "capabilities": [text]}],
        "journal": {"n_published": text, "n_lost": text, "faults": [text]},
        "metrics": {"counter": {text: {"value": text, "unit": text}}},
    }

    page = assert_harmless(report(recorded(*everywhere, panels=panels, summary=summary)))

    assert visible(text) in page.text


@settings(max_examples=60)
@given(
    entries=st.lists(
        st.tuples(
            st.sampled_from([event.event_name for event in RUN]) | HOSTILE_TEXT,
            st.dictionaries(
                st.sampled_from(FIELDS),
                ANYTHING,
            ),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        max_size=8,
    ),
    panel=st.dictionaries(
        st.sampled_from(PARTS),
        ANYTHING,
    ),
    kind=st.sampled_from(["table", "matrix", "images", "series", "other"]),
    summary=st.dictionaries(st.sampled_from(["plugins", "journal", "metrics"]), ANYTHING),
)
def test_any_record_whatever_makes_a_harmless_page(
    entries: list[tuple[str, dict[str, Any], float]],
    panel: dict[str, Any],
    kind: str,
    summary: dict[str, Any],
) -> None:
    def written(value: Any) -> Any:
        return json.loads(json.dumps(plain(value)))

    events = tuple(
        Entry(i, "yesterday", at, name, written(fields))
        for i, (name, fields, at) in enumerate(entries)
    )
    panels = (written({**panel, "kind": kind}),)
    run = RecordedRun(Path("run"), events, panels, written(summary), ())

    assert_harmless(report(run))
