"""Line charts as inline SVG: axes, ticks, bands and read-outs, without any script.

Colours, fonts and strokes come from the page's style sheet by class name, so one drawing fits
light, dark and paper. A column of the plot shows its values while the pointer is over it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from st.monitor.series import Point
from st.monitor.views.figures import number
from st.monitor.views.html import Markup, element, join

__all__ = ["LARGE", "SMALL", "Frame", "Line", "legend", "line_chart", "ticks"]

LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 40
# Beyond this the columns under the pointer become narrower than two pixels.
MAX_COLUMNS = 240


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart: its name in the legend and its points in order."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Size of a drawing in pixels of its own; the page scales it."""

    width: int
    height: int

    @property
    def right(self) -> int:
        """Where the plot ends."""
        return self.width - RIGHT

    @property
    def bottom(self) -> int:
        """Where the plot's floor is."""
        return self.height - BOTTOM


LARGE, SMALL = Frame(480, 264), Frame(340, 200)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps data from [low, high] to [start, end] of the drawing."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Return where `value` lies in the drawing."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return round numbers within [low, high], about `n` of them.

    >>> ticks(0.0, 1.0), ticks(1, 20)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [5.0, 10.0, 15.0, 20.0])
    """
    raw = (high - low) / n
    if not (math.isfinite(raw) and raw > 0):
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12 - math.floor(math.log10(step))) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 times powers of ten within [low, high], only the powers if they are many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(exponents) <= 4 else (1,)
    marks = [m * 10.0**e for e in exponents for m in steps]
    return [mark for mark in marks if low * 0.999 <= mark <= high * 1.001]


def line_chart(
    lines: Sequence[Line], *, x_title: str, y_title: str = "", name: str = "", frame: Frame = LARGE
) -> Markup:
    """Return the chart of some curves over one pair of axes.

    A point that stands for several observations is drawn as its mean within the band from its
    lowest to its highest. Values that are not finite leave a gap. Lower ends of more than one
    and a half decades turn the upright axis logarithmic (and its title says so). `name` is what
    the chart is called for those who cannot see it.
    """
    drawn = [Line(line.name, _finite(line.points)) for line in lines]
    values = [v for line in drawn for p in line.points if p.n for v in (p.low, p.high)]
    if not values:
        return element("p", "No finite value was recorded.", class_="empty")
    xs = [p.x for line in drawn for p in line.points]
    x_scale = _x_scale(xs, frame)
    x_marks = ticks(x_scale.low, x_scale.high, 6)
    if all(x == round(x) for x in xs):
        # What is counted, such as epochs, has nothing between one and the next.
        x_marks = [mark for mark in x_marks if mark == round(mark)]
    y_scale = _y_scale(min(values), max(values), frame)
    y_label = f"{y_title} log scale".strip() if y_scale.logarithmic else y_title
    return element(
        "svg",
        *_axes(x_scale, x_marks, y_scale, x_title, y_label, frame),
        *(part for i, line in enumerate(drawn) for part in _curve(line, i, x_scale, y_scale)),
        *_columns(drawn, x_scale, y_scale, x_title, frame),
        viewBox=f"0 0 {frame.width} {frame.height}",
        class_="chart",
        role="img",
        aria_label=f"{name or y_title} against {x_title}",
    )


def _finite(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points that have a place, kept within what can be drawn without overflow."""
    return tuple(
        Point(_bounded(p.x), _bounded(p.mean), _bounded(p.low), _bounded(p.high), p.n)
        for p in points
        if math.isfinite(p.x)
    )


def _bounded(value: float) -> float:
    return max(-1e300, min(1e300, value)) if value == value else value


def _x_scale(xs: Sequence[float], frame: Frame) -> Scale:
    low, high = min(xs), max(xs)
    if high - low <= abs(high) * 1e-12:
        low, high = low - max(0.5, abs(low) / 2), high + max(0.5, abs(high) / 2)
    return Scale(low, high, LEFT, frame.right)


def _y_scale(low: float, high: float, frame: Frame) -> Scale:
    bottom, top = frame.bottom, TOP
    if low > 0 and high / low > 32:
        return Scale(low / 1.15, high * 1.15, bottom, top, logarithmic=True)
    room = (high - low) * 0.06 if high - low > abs(high) * 1e-12 else abs(high) * 0.05 or 0.5
    floor = 0.0 if 0 <= low <= 0.35 * high else low - room
    # A share cannot exceed 1: no empty space that suggests otherwise.
    ceiling = 1.0 if low >= 0 and 0.5 < high <= 1 else high + room
    return Scale(floor, ceiling, bottom, top)


def _axes(
    x_scale: Scale,
    x_marks: Sequence[float],
    y_scale: Scale,
    x_title: str,
    y_title: str,
    frame: Frame,
) -> Iterator[Markup]:
    bottom = frame.bottom
    choose = log_ticks if y_scale.logarithmic else ticks
    for mark in choose(y_scale.low, y_scale.high):
        y = _at(y_scale(mark))
        yield element("line", x1=LEFT, x2=frame.right, y1=y, y2=y, class_="grid")
        yield element("text", number(mark), x=LEFT - 8, y=y, dy="0.35em", class_="tick y")
    yield element("line", x1=LEFT, x2=frame.right, y1=bottom, y2=bottom, class_="axis")
    for mark in x_marks:
        if x_scale.low <= mark <= x_scale.high:
            x = _at(x_scale(mark))
            yield element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis")
            yield element("text", number(mark), x=x, y=bottom + 18, class_="tick x")
    yield element("text", y_title, x=0, y=12, class_="name")
    yield element("text", x_title, x=frame.right, y=frame.height - 4, class_="name end")


def _curve(line: Line, index: int, x_scale: Scale, y_scale: Scale) -> Iterator[Markup]:
    style = f"line-{index % 6}"
    for stretch in _stretches(line.points):
        across = [(_at(x_scale(p.x)), p) for p in stretch]
        if any(p.high > p.low for p in stretch):
            upper = [f"{x},{_at(y_scale(p.high))}" for x, p in across]
            lower = [f"{x},{_at(y_scale(p.low))}" for x, p in reversed(across)]
            yield element("polygon", points=" ".join(upper + lower), class_=f"band {style}")
        path = " ".join(f"{x},{_at(y_scale(p.mean))}" for x, p in across)
        if len(across) == 1:
            x, y = path.split(",")
            yield element("circle", cx=x, cy=y, r=3, class_=f"dot {style}")
        else:
            yield element("polyline", points=path, class_=f"curve {style}")


def _stretches(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Yield the runs of points between those without a finite value."""
    stretch: list[Point] = []
    for point in points:
        if point.n:
            stretch.append(point)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _columns(
    lines: Sequence[Line], x_scale: Scale, y_scale: Scale, x_title: str, frame: Frame
) -> Iterator[Markup]:
    """Yield one invisible column for each place on the x axis, with its read-out."""
    places: dict[float, list[tuple[int, Line, Point]]] = {}
    for index, line in enumerate(lines):
        for point in line.points:
            places.setdefault(point.x, []).append((index, line, point))
    xs = sorted(places)
    xs = xs[:: math.ceil(len(xs) / MAX_COLUMNS)]
    for before, x, after in zip([None, *xs[:-1]], xs, [*xs[1:], None], strict=True):
        start = LEFT if before is None else x_scale((before + x) / 2)
        end = frame.right if after is None else x_scale((x + after) / 2)
        yield element(
            "g",
            element(
                "rect",
                x=_at(start),
                y=TOP,
                width=_at(max(end - start, 0.1)),
                height=frame.bottom - TOP,
            ),
            *_read_out(x, places[x], x_scale, y_scale, x_title, frame),
            class_="column",
        )


def _read_out(
    x: float,
    here: Sequence[tuple[int, Line, Point]],
    x_scale: Scale,
    y_scale: Scale,
    x_title: str,
    frame: Frame,
) -> Iterator[Markup]:
    shown = [f"{x_title} {number(x)}"]
    across = _at(x_scale(x))
    yield element("line", x1=across, x2=across, y1=TOP, y2=frame.bottom, class_="guide")
    for index, line, point in here:
        shown.append(f"{line.name} {number(point.mean)}")
        if point.n:
            y = _at(y_scale(point.mean))
            yield element("circle", cx=across, cy=y, r=4, class_=f"dot line-{index % 6}")
    told = "   ".join(shown)
    yield element("text", told, x=frame.right, y=12, class_="read-out")
    yield element("title", told)


def _at(value: float) -> str:
    """Return a coordinate to a tenth of a pixel, without needless zeros."""
    return f"{value:.1f}".removesuffix(".0")


def legend(lines: Sequence[Line]) -> Markup:
    """Return the names of the curves, each beside its colour."""
    return element(
        "ul",
        join(
            element("li", element("i", class_=f"swatch line-{i % 6}"), line.name)
            for i, line in enumerate(lines)
        ),
        class_="legend",
    )
