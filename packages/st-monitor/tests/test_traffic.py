"""Operators and plugins as rows, and the views of them: all that was recorded, nothing else."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.core import (
    EpochEnd,
    Event,
    Plugin,
    PluginContext,
    PluginMetadata,
    Registry,
    RunFinished,
    RunStarted,
    TensorOp,
)
from st.monitor import MonitorPlugin, read_run, write_report
from st.monitor.traffic import PluginFacts, by, plugin_facts, watched
from st.monitor.views.graph import graph_mermaid, graph_page, graph_svg
from st.monitor.views.moment import short_name


class Base(Plugin):
    metadata = PluginMetadata("base", "2.0", provides=("counting",))

    def on_load(self, ctx: PluginContext) -> None:
        ctx.register_service("counting", object())


class Listener(Plugin):
    metadata = PluginMetadata("listener", requires={"base": ""})

    def on_load(self, ctx: PluginContext) -> None:
        ctx.subscribe(EpochEnd, self.hear)

    def hear(self, event: Event) -> None:
        raise ValueError("no ears")


@pytest.fixture
def recorded(run: Path) -> Path:
    """A run with three plugins, one of which fails, and with a hundred operations."""
    with Registry() as registry:
        registry.config.set("monitor", "mode", "full")
        for plugin in (MonitorPlugin, Base, Listener):
            registry.register(plugin)
        registry.bus.publish(RunStarted(run.name, str(run), {}, {}, 7))
        for i in range(100):
            op, where = ("matmul", "body.0") if i % 4 else ("add", "")
            start = 1000 * i
            registry.bus.publish(TensorOp(op, (), start, start + 900, "NumPy", where))
        for epoch in (1, 2, 3):
            registry.bus.publish(EpochEnd(epoch, 0.5))
        registry.bus.publish(RunFinished(run.name, "finished", {}))
    return run


def facts(recorded: Path) -> dict[str, PluginFacts]:
    return {plugin.plugin_id: plugin for plugin in plugin_facts(read_run(recorded))}


def test_plugins_know_what_they_heard_required_and_failed(recorded: Path) -> None:
    listener = facts(recorded)["listener"]

    assert (listener.n_failures, listener.requires) == (3, ("base",))
    assert listener.listens == {"EpochEnd": 3}
    assert facts(recorded)["base"].provides == ("counting",)
    assert facts(recorded)["monitor"].listens["TensorOp"] == 100


def test_load_times_are_those_the_registry_told(recorded: Path) -> None:
    [loaded] = [
        entry.fields["seconds"]
        for entry in read_run(recorded).entries
        if entry.fields.get("plugin_id") == "listener" and entry.event == "PluginLoaded"
    ]

    assert facts(recorded)["listener"].seconds == loaded


def test_operators_are_summed_up_by_any_key(recorded: Path) -> None:
    operators = by(read_run(recorded).operators, lambda operator: operator.where)

    assert {name: row.n for name, row in operators.items()} == {"body.0": 75, "": 25}
    assert operators["body.0"].sketch.total == 75 * 900


def test_account_of_the_watching_is_that_of_all_processes(recorded: Path) -> None:
    seen = watched(read_run(recorded))

    assert (seen.mode, seen.n_published, seen.n_dropped) == ("full", 100, 0)
    assert seen.share == pytest.approx(1.0, abs=0.01)


def test_report_shows_operators_moment_and_graph(recorded: Path) -> None:
    page = write_report(recorded).read_text(encoding="utf-8")

    assert "100 operations, each one timed" in page
    assert "80 operations in a row" in page
    assert "listener heard EpochEnd 3 times" in page
    assert "listener requires base" in page
    assert "3 failures" in page


def test_counted_operators_have_no_times_in_the_report(run: Path) -> None:
    with Registry() as registry:
        registry.config.set("monitor", "mode", "count")
        registry.register(MonitorPlugin)
        registry.bus.publish(RunStarted(run.name, str(run), {}, {}, 7))
        registry.bus.publish(TensorOp("add", (), 1, 2, "NumPy", ""))
        registry.bus.publish(RunFinished(run.name, "finished", {}))

    page = (run / "monitor" / "report.html").read_text(encoding="utf-8")
    assert "1 operations, each counted, none timed" in page
    assert "NaN" not in page


TEXT = st.text(max_size=20) | st.sampled_from(
    ["</script>", '"]; end', "\x1b[2J", "a-->b", "]]>", "\ud800", "%%{init}%%"]
)
PLUGINS = st.builds(
    PluginFacts,
    TEXT,
    TEXT,
    st.sampled_from(["active", "failed"]),
    st.none() | st.floats(0, 100),
    st.integers(0, 5),
    st.lists(TEXT, max_size=3).map(tuple),
    st.lists(TEXT, max_size=3).map(tuple),
    st.dictionaries(TEXT, st.integers(0, 10**9), max_size=3),
)


@given(st.lists(PLUGINS, max_size=6, unique_by=lambda plugin: plugin.plugin_id))
def test_any_graph_is_well_formed_xml_without_script(plugins: list[PluginFacts]) -> None:
    if not plugins:
        assert graph_svg(plugins) == ""
        return

    tree = ElementTree.fromstring(graph_page(plugins).encode())

    tags = {node.tag.rpartition("}")[2] for node in tree.iter()}
    assert tags <= {"svg", "style", "path", "rect", "text", "title"}
    assert not any(name.startswith("on") for node in tree.iter() for name in node.attrib)


@given(st.lists(PLUGINS, max_size=6, unique_by=lambda plugin: plugin.plugin_id))
def test_any_graph_is_mermaid_of_known_lines(plugins: list[PluginFacts]) -> None:
    first, *rest = graph_mermaid(plugins).splitlines()

    known = re.compile(
        r'  (p\d+\["[^"\n]*"\]|e\d+\(\["[^"\n]*"\]\)|p\d+ --> p\d+|e\d+ -\. [\d,]+ \.-> p\d+)'
    )
    assert first == "flowchart LR"
    assert [line for line in rest if not known.fullmatch(line)] == []


def test_circle_of_requirements_is_drawn_all_the_same() -> None:
    plugins = [
        PluginFacts(name, "1", "active", None, 0, (needed,), (), {})
        for name, needed in (("a", "b"), ("b", "a"))
    ]

    assert graph_svg(plugins).count("requires") == 2


def test_fused_operator_is_named_by_its_beginning() -> None:
    assert short_name("add+sum+mul+sub+add+sqrt+div") == "add+sum+… 7 fused"
    assert (
        short_name("log_softmax_cross_entropy_of_logits") == "log_softmax_cross_entropy_of_logits"
    )
