"""When things happened: epochs as bars, events as marks, one lane for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from st.monitor.history import Epoch, History
from st.monitor.plain import Json
from st.monitor.store.journal import Entry
from st.monitor.views.chart import ticks
from st.monitor.views.figures import duration, number
from st.monitor.views.html import Markup, element

__all__ = ["outline", "timeline"]

WIDTH, LEFT, RIGHT = 980, 104, 10
LANE, BAR = 30, 14
MAX_MARKS = 400
MAX_BARS = 200
# Thirty years; nothing beyond is a time, and no arithmetic with it overflows.
MAX_SECONDS = 1e9
LANES = {
    "Run": ("RunStarted", "RunFinished", "BackendChanged"),
    "Plugins": ("PluginLoaded", "PluginUnloaded", "PluginFailed"),
    "Telemetry": ("Telemetry",),
    "Failures": ("ListenerFailed",),
}
EPOCHS = ("EpochStart", "EpochEnd")


def timeline(entries: Sequence[Entry], told: History) -> Markup:
    """Return the lanes of a run as one drawing; lanes without an event are left out."""
    times = [_bounded(entry.elapsed_s) for entry in entries]
    start, end = min([0.0, *times]), max([_bounded(told.duration_s), *times, 1e-6])
    known = {name for names in LANES.values() for name in names} | set(EPOCHS)
    lanes = [(lane, [e for e in entries if e.event in names]) for lane, names in LANES.items()]
    lanes.append(("Other", [e for e in entries if e.event not in known]))
    shown = [(lane, chosen) for lane, chosen in lanes if chosen]
    n_lanes = len(shown) + bool(told.epochs)
    parts: list[Markup] = []
    height = n_lanes * LANE + 30
    for second in ticks(start, end, 8):
        x = _x(second, start, end)
        parts.append(element("line", x1=x, x2=x, y1=0, y2=height - 26, class_="grid"))
        sign = "-" if second < 0 else ""
        name = f"{sign}{duration(abs(second))}" if second else "0"
        parts.append(element("text", name, x=x, y=height - 8, class_="tick x"))
    y = LANE / 2
    if told.epochs:
        parts.append(_name("Epochs", y))
        parts.extend(_bars(told.epochs, y, start, end))
        y += LANE
    for lane, chosen in shown:
        parts.append(_name(lane, y))
        parts.extend(_marks(chosen, y, start, end))
        y += LANE
    drawing = element("svg", *parts, viewBox=f"0 0 {WIDTH} {height}", class_="timeline", role="img")
    return element("div", drawing, class_="scroll")


def outline(fields: Mapping[str, Json], limit: int = 200) -> str:
    """Return the fields of an entry on one line, at most `limit` characters.

    >>> outline({"epoch": 3, "loss": 0.25, "data": {"a": [1, 2]}})
    'epoch 3 · loss 0.25 · data {a 1, 2}'
    """
    text = " · ".join(f"{k} {_short(v)}" for k, v in fields.items())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} {_short(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value) or "none"
    if isinstance(value, float):
        return number(value)
    return str(value)


def _name(lane: str, y: float) -> Markup:
    return element("text", lane, x=0, y=y, dy="0.35em", class_="lane")


def _bars(epochs: Sequence[Epoch], y: float, start: float, end: float) -> Iterator[Markup]:
    for i, epoch in enumerate(epochs[:MAX_BARS]):
        if epoch.start_s is None:
            continue
        finish = end if epoch.end_s is None else epoch.end_s
        x = float(_x(epoch.start_s, start, end))
        width = max(float(_x(finish, start, end)) - x - 1, 0.5)
        loss = "unfinished" if epoch.loss is None else f"loss {number(epoch.loss)}"
        told = f"epoch {number(epoch.number)} · {duration(finish - epoch.start_s)} · {loss}"
        yield element(
            "rect",
            element("title", told),
            x=x,
            y=y - BAR / 2,
            width=f"{width:.1f}",
            height=BAR,
            rx=2,
            class_="bar odd" if i % 2 else "bar",
        )


def _marks(entries: Sequence[Entry], y: float, start: float, end: float) -> Iterator[Markup]:
    step = -(-len(entries) // MAX_MARKS)
    for entry in entries[::step]:
        bad = (
            entry.event == "ListenerFailed"
            or entry.fields.get("status") == "failed"
            or entry.fields.get("state") == "failed"
        )
        yield element(
            "circle",
            element("title", f"{clock(entry.elapsed_s)} {entry.event} · {outline(entry.fields)}"),
            cx=_x(entry.elapsed_s, start, end),
            cy=y,
            r=4.5,
            class_="mark bad" if bad else "mark",
        )


def clock(seconds: float) -> str:
    """Return a time relative to the start of the run.

    >>> clock(1.25), clock(-0.5)
    ('+1.250 s', '-0.500 s')
    """
    return f"{seconds:+.3f} s"


def _bounded(second: float) -> float:
    return max(-MAX_SECONDS, min(MAX_SECONDS, second))


def _x(second: float, start: float, end: float) -> str:
    return f"{LEFT + (_bounded(second) - start) / (end - start) * (WIDTH - RIGHT - LEFT):.1f}"
