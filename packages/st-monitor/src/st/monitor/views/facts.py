"""What a run was made of: its figures, plugins, versions and configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from st.monitor.history import History
from st.monitor.plain import Json
from st.monitor.store.recorded import RecordedRun
from st.monitor.traffic import PluginFacts, plugin_facts
from st.monitor.views.figures import duration, label
from st.monitor.views.graph import graph_svg
from st.monitor.views.html import Markup, element
from st.monitor.views.table import table

__all__ = ["configuration_section", "figures_section", "plugins_section", "rows", "settings"]

PLUGIN_COLUMNS = ("plugin", "version", "state", "loaded in", "capabilities", "from", "remark")


def figures_section(summary: Mapping[str, Json]) -> Markup:
    """Return the counters, gauges and distributions a run recorded."""
    metrics = summary.get("metrics")
    kinds = metrics if isinstance(metrics, dict) else {}
    plain = [
        (label(name), facts.get("value"), facts.get("unit"))
        for kind in ("counter", "gauge")
        for name, facts in _items(kinds.get(kind))
    ]
    spread = [
        (label(name), *(facts.get(key) for key in ("n", "p50", "p90", "p99", "high", "unit")))
        for name, facts in _items(kinds.get("histogram"))
    ]
    if not plain and not spread:
        return Markup("")
    return element(
        "section",
        element("h2", "Figures"),
        table(("figure", "value", "unit"), plain) if plain else None,
        table(("distribution", "n", "median", "p90", "p99", "highest", "unit"), spread)
        if spread
        else None,
    )


def plugins_section(run: RecordedRun, told: History) -> Markup:
    """Return the plugins there were, what passed between them, and the versions the run named."""
    facts = {plugin.plugin_id: plugin for plugin in plugin_facts(run)}
    plugins = [
        _plugin(row, facts.get(str(row.get("id")))) for row in rows(run.summary.get("plugins"))
    ]
    versions = [
        element("div", element("dt", name), element("dd", version))
        for name, version in sorted(told.versions.items())
    ]
    if not plugins and not versions:
        return Markup("")
    n_columns = len(PLUGIN_COLUMNS) if any(row[-1] for row in plugins) else -1
    shown = table(PLUGIN_COLUMNS[:n_columns], [row[:n_columns] for row in plugins])
    drawn = graph_svg(list(facts.values()))
    return element(
        "section",
        element("h2", "Plugins and versions"),
        element("div", drawn, class_="scroll drawn") if drawn else None,
        shown if plugins else None,
        element("dl", *versions, class_="versions") if versions else None,
    )


def _plugin(row: Mapping[str, Json], facts: PluginFacts | None) -> list[Json]:
    capabilities = row.get("capabilities")
    named = ", ".join(map(str, capabilities)) if isinstance(capabilities, list) else None
    seconds = facts.seconds if facts is not None else None
    loaded = duration(seconds) if seconds else None
    chosen = [row.get(name) for name in ("id", "version", "state")]
    return [*chosen, loaded, named, row.get("origin"), row.get("reason")]


def configuration_section(told: History) -> Markup:
    """Return the configuration of the run, one setting a row."""
    lines = list(settings(told.config))
    if not lines:
        return Markup("")
    shown = (element("div", element("dt", k), element("dd", v)) for k, v in lines)
    return element(
        "section",
        element("h2", "Configuration"),
        element("dl", *shown, class_="settings"),
    )


def settings(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted keys and their values; a list of tables gives one row for each."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from settings(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value, 1):
            yield f"{path} {i}", _inline(item)
    elif path:
        yield path, _inline(value)


def _inline(value: Json) -> str:
    if isinstance(value, dict):
        kind = str(value.get("type", ""))
        rest = (f"{key} = {_inline(item)}" for key, item in value.items() if key != "type")
        return " · ".join(part for part in (kind, *rest) if part)
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows(value: Json) -> list[dict[str, Json]]:
    """Return the mappings of a list, nothing if it is none."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _items(value: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    for name, facts in value.items() if isinstance(value, dict) else ():
        if isinstance(facts, dict):
            yield name, facts
