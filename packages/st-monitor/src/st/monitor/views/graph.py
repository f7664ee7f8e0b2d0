"""The plugins of a run as a graph: who requires whom, who heard how many events, what failed.

Drawn by ourselves as SVG, in layers from what is required to what requires it; told as Mermaid
for documents. Boxes on the left are events, the lines from them lead to those who listen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from st.monitor.traffic import PluginFacts
from st.monitor.views.figures import count, duration
from st.monitor.views.html import Markup, element, visible

__all__ = ["graph_mermaid", "graph_page", "graph_svg"]

BOX_WIDTH, BOX_HEIGHT = 190, 62
EVENT_WIDTH, EVENT_HEIGHT = 170, 30
ACROSS, DOWN = 110, 22
MAX_EVENTS = 12
MAX_PLUGINS = 60
EVERYTHING = "*"

STYLE = """
svg { font: 12px system-ui, sans-serif; background: #fcfcfa; }
.box { fill: #fff; stroke: #6a6a75; }
.box.missing { stroke-dasharray: 4; }
.box.failed { stroke: #b3261e; }
.event { fill: #eef2fb; }
.title { font-weight: 600; }
.faint { fill: #6a6a75; }
.end { text-anchor: end; }
.edge { fill: none; stroke: #6a6a75; }
.traffic { fill: none; stroke: #2b5cc4; opacity: .45; }
.bad-text { fill: #b3261e; }
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A box and where it stands."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.y + self.height / 2


def graph_svg(plugins: Sequence[PluginFacts], *, standalone: bool = False) -> Markup:
    """Return the drawing, empty when there are no plugins.

    Args:
        plugins: What is drawn.
        standalone: With colours of its own, to be a file; else the page has them.
    """
    shown = list(plugins[:MAX_PLUGINS])
    if not shown:
        return Markup("")
    layers = _layers(shown)
    events = _events(shown)
    left = EVENT_WIDTH + ACROSS if events else 0
    tallest = max(
        len(events) * (EVENT_HEIGHT + DOWN / 2),
        max(len(layer) for layer in layers) * (BOX_HEIGHT + DOWN),
    )
    boxes = {
        name: Box(left + n * (BOX_WIDTH + ACROSS), y, BOX_WIDTH, BOX_HEIGHT)
        for n, layer in enumerate(layers)
        for name, y in zip(layer, _spread(len(layer), BOX_HEIGHT + DOWN, tallest), strict=True)
    }
    places = _spread(len(events), EVENT_HEIGHT + DOWN / 2, tallest)
    sources = {
        name: Box(0, y, EVENT_WIDTH, EVENT_HEIGHT) for name, y in zip(events, places, strict=True)
    }
    width = left + len(layers) * (BOX_WIDTH + ACROSS) - ACROSS
    known = {plugin.plugin_id: plugin for plugin in shown}
    return element(
        "svg",
        element("style", Markup(STYLE)) if standalone else None,
        *_traffic(shown, sources, boxes),
        *_requirements(shown, boxes),
        *(part for name, n in events.items() for part in _event(name, n, sources[name])),
        *(part for name, box in boxes.items() for part in _plugin(name, known.get(name), box)),
        viewBox=f"-2 -2 {width + 4:.0f} {tallest + 4:.0f}",
        class_="graph",
        role="img",
        aria_label="plugins, what they require and what they heard",
        xmlns="http://www.w3.org/2000/svg" if standalone else None,
        width=f"{width + 4:.0f}",
    )


def graph_page(plugins: Sequence[PluginFacts]) -> str:
    """Return the drawing as the text of an SVG file."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{graph_svg(plugins, standalone=True)}\n'


def _layers(plugins: Sequence[PluginFacts]) -> list[list[str]]:
    """Return the ids in layers: each stands right of all it requires; circles end somewhere."""
    requires = {plugin.plugin_id: plugin.requires for plugin in plugins}
    names = list(dict.fromkeys([*requires, *(n for all_ in requires.values() for n in all_)]))
    depth = dict.fromkeys(names, 0)
    for _ in range(min(len(names), 12)):
        for name, needed in requires.items():
            depth[name] = min(12, max([depth[name], *(depth[other] + 1 for other in needed)]))
        if all(depth[n] > depth[o] for n, needed in requires.items() for o in needed):
            break
    used = sorted(set(depth.values()))
    return [[name for name in names if depth[name] == level] for level in used]


def _events(plugins: Sequence[PluginFacts]) -> dict[str, int]:
    """Return the events that somebody heard, most frequent first."""
    heard: dict[str, int] = {}
    for plugin in plugins:
        for name, n in plugin.listens.items():
            heard[name] = max(n, heard.get(name, 0))
    common = sorted(heard.items(), key=lambda item: (-item[1], item[0]))
    return dict(common[:MAX_EVENTS])


def _spread(n: int, step: float, height: float) -> list[float]:
    first = max(0.0, (height - n * step) / 2)
    return [first + i * step for i in range(n)]


def _traffic(
    plugins: Sequence[PluginFacts], sources: Mapping[str, Box], boxes: Mapping[str, Box]
) -> Iterator[Markup]:
    for plugin in plugins:
        for name, n in plugin.listens.items():
            if name in sources:
                told = f"{plugin.plugin_id} heard {_named(name)} {count(n)} times"
                yield element(
                    "path",
                    element("title", told),
                    d=_curve(sources[name], boxes[plugin.plugin_id]),
                    stroke_width=f"{1 + math.log10(n + 1):.1f}",
                    class_="traffic",
                )


def _requirements(plugins: Sequence[PluginFacts], boxes: Mapping[str, Box]) -> Iterator[Markup]:
    for plugin in plugins:
        for needed in plugin.requires:
            yield element(
                "path",
                element("title", f"{plugin.plugin_id} requires {needed}"),
                d=_curve(boxes[needed], boxes[plugin.plugin_id]),
                class_="edge",
            )


def _curve(start: Box, end: Box) -> str:
    x1, x2 = start.x + start.width, end.x
    bend = max(30.0, abs(x2 - x1) / 2)
    return (
        f"M{x1:.1f} {start.middle:.1f} C{x1 + bend:.1f} {start.middle:.1f} "
        f"{x2 - bend:.1f} {end.middle:.1f} {x2:.1f} {end.middle:.1f}"
    )


def _event(name: str, n: int, box: Box) -> Iterator[Markup]:
    yield element(
        "rect", x=0, y=f"{box.y:.1f}", width=box.width, height=box.height, rx=15, class_="event"
    )
    middle = f"{box.middle:.1f}"
    yield element("text", _cut(_named(name), 18), x=14, y=middle, dy="0.35em")
    yield (
        element("text", count(n), x=box.width - 14, y=middle, dy="0.35em", class_="faint end")
        if box.width
        else Markup("")
    )


def _plugin(name: str, plugin: PluginFacts | None, box: Box) -> Iterator[Markup]:
    state = "missing" if plugin is None else plugin.state
    drawn = state if state in ("missing", "failed") else ""
    yield element(
        "rect",
        element("title", _story(name, plugin)),
        x=f"{box.x:.1f}",
        y=f"{box.y:.1f}",
        width=box.width,
        height=box.height,
        rx=6,
        class_=f"box {drawn}".strip(),
    )
    across = f"{box.x + 12:.1f}"
    yield element("text", _cut(name, 24), x=across, y=f"{box.y + 20:.1f}", class_="title")
    if plugin is None:
        yield element("text", "not there", x=across, y=f"{box.y + 38:.1f}", class_="faint")
        return
    loaded = f"loaded in {duration(plugin.seconds)}" if plugin.seconds else plugin.state
    yield element("text", _cut(loaded, 28), x=across, y=f"{box.y + 37:.1f}", class_="faint")
    if plugin.n_failures:
        told = f"{count(plugin.n_failures)} failures"
        yield element("text", told, x=across, y=f"{box.y + 53:.1f}", class_="bad-text")
    elif plugin.listens:
        told = f"heard {count(sum(plugin.listens.values()))} events"
        yield element("text", told, x=across, y=f"{box.y + 53:.1f}", class_="faint")


def _story(name: str, plugin: PluginFacts | None) -> str:
    if plugin is None:
        return f"{name} is required and not there"
    provides = f", provides {', '.join(plugin.provides)}" if plugin.provides else ""
    return f"{name} {plugin.version}, {plugin.state}{provides}"


def _named(event: str) -> str:
    return "all events" if event == EVERYTHING else event


def _cut(text: str, n: int) -> str:
    return text if len(text) <= n else text[: n - 1] + "…"


def graph_mermaid(plugins: Sequence[PluginFacts]) -> str:
    """Return the graph as a Mermaid flowchart."""
    names = list(
        dict.fromkeys(
            [*(p.plugin_id for p in plugins), *(other for p in plugins for other in p.requires)]
        )
    )
    nodes = {name: f"p{i}" for i, name in enumerate(names)}
    events = {name: f"e{i}" for i, name in enumerate(_events(plugins))}
    loaded = {p.plugin_id: p.seconds for p in plugins}
    lines = ["flowchart LR"]
    for name, node in nodes.items():
        seconds = loaded.get(name)
        told = f"<br/>{duration(seconds)}" if seconds else ""
        lines.append(f'  {node}["{_label(name)}{told}"]')
    lines += [f'  {node}(["{_label(_named(name))}"])' for name, node in events.items()]
    for plugin in plugins:
        node = nodes[plugin.plugin_id]
        lines += [f"  {nodes[needed]} --> {node}" for needed in plugin.requires]
        lines += [
            f"  {events[name]} -. {count(n)} .-> {node}"
            for name, n in plugin.listens.items()
            if name in events
        ]
    return "\n".join(lines) + "\n"


def _label(name: str) -> str:
    """Return `name` in the characters that Mermaid takes within quotes as they are."""
    return re.sub(r'[<>"#;&`\n\u2028\u2029]', " ", visible(name))[:60]
