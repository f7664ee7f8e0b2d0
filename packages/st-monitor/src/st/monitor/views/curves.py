"""The curves of a report: loss and accuracy large, every other name in a small chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from st.monitor.history import Curve, History
from st.monitor.plain import Json
from st.monitor.series import Series
from st.monitor.views.chart import LARGE, SMALL, Frame, Line, legend, line_chart
from st.monitor.views.figures import count, label, number, title
from st.monitor.views.html import Markup, element

__all__ = ["curves_section"]

MAX_CURVES = 24
# What the process used is sampled once a second: a curve only for runs that last.
PROCESS, MIN_POINTS = "process.", 4


def curves_section(told: History, summary: Mapping[str, Json]) -> Markup:
    """Return the section of all curves, empty when there are none.

    Names that end in "loss" share a chart, and so do those that end in "accuracy".
    """
    # Telemetry is among the recorded series as well; its events know the epochs.
    kept = [curve for curve in _recorded_series(summary) if curve.name not in told.told]
    charts: dict[tuple[str, str], list[Curve]] = {}
    if told.loss.points:
        charts["loss", told.loss.x_title] = [told.loss]
    for curve in (*told.telemetry, *kept):
        subject = next((s for s in ("loss", "accuracy") if curve.name.endswith(s)), curve.name)
        charts.setdefault((subject, curve.x_title), []).append(curve)
    if not charts:
        return Markup("")
    large, small = [], []
    for (subject, x_title), curves in charts.items():
        if subject.startswith(PROCESS) and _is_dull(curves[0]):
            continue
        if subject in ("loss", "accuracy"):
            large.append(_card(subject, x_title, curves, LARGE))
        else:
            small.append(_card(subject, x_title, curves, SMALL))
    left_out = len(small) - MAX_CURVES
    return element(
        "section",
        element("h2", "Curves"),
        element("div", *large, class_="cards") if large else None,
        element("div", *small[:MAX_CURVES], class_="cards small") if small else None,
        element("p", f"and {count(left_out)} more curves", class_="empty")
        if left_out > 0
        else None,
    )


def _is_dull(curve: Curve) -> bool:
    """Whether a curve is too short to be one or always the same."""
    means = {point.mean for point in curve.points}
    return len(curve.points) < MIN_POINTS or len(means) < 2


def _card(subject: str, x_title: str, curves: Sequence[Curve], frame: Frame) -> Markup:
    name = subject if len(curves) > 1 else curves[0].name
    lines = [Line(_short_name(curve, subject), curve.points) for curve in curves]
    return element(
        "figure",
        element("figcaption", title(name), element("span", _extreme(subject, curves))),
        line_chart(lines, x_title=x_title, name=label(name), frame=frame),
        legend(lines) if len(lines) > 1 else None,
        class_="card",
    )


def _extreme(subject: str, curves: Sequence[Curve]) -> str:
    """Return where the last curve was best, for those of which best is known, else its last."""
    curve = curves[-1]
    points = [point for point in curve.points if point.n]
    if not points:
        return ""
    if subject == "loss":
        best = min(points, key=lambda point: point.low)
        told = f"lowest {number(best.low)}"
    elif subject == "accuracy":
        best = max(points, key=lambda point: point.high)
        told = f"highest {number(best.high)}"
    else:
        return f"last {number(points[-1].mean)}"
    of = f"{_short_name(curve, subject)}: " if len(curves) > 1 else ""
    return f"{of}{told} at {curve.x_title} {number(best.x)}"


def _short_name(curve: Curve, subject: str) -> str:
    """Return what tells a curve from the others on its chart: "held_out_loss" is "held out"."""
    return label(curve.name.removesuffix(subject)) or label(curve.name)


def _recorded_series(summary: Mapping[str, Json]) -> Iterator[Curve]:
    metrics = summary.get("metrics")
    stored = metrics.get("series") if isinstance(metrics, dict) else None
    for name, facts in stored.items() if isinstance(stored, dict) else ():
        x_title = "second" if name.startswith(PROCESS) else "step"
        yield Curve(name, Series.from_json(name, facts).points(), x_title)
