"""How numbers, durations and times are written for people."""

from __future__ import annotations

import math
from datetime import datetime

__all__ = ["count", "duration", "label", "number", "title", "when"]


def number(value: float) -> str:
    """Return `value` with four significant digits, thousands separated.

    >>> [number(v) for v in (0.0312345, 0.978, 3, 12345.678, 1.5e-7, float("nan"))]
    ['0.03123', '0.978', '3', '12,346', '1.5e-07', 'NaN']
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e15:
        return count(int(value))
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


def count(value: int) -> str:
    """Return an integer with its thousands separated.

    >>> count(410000)
    '410,000'
    """
    return f"{value:,}"


def duration(seconds: float) -> str:
    """Return a length of time in the unit a person would choose.

    >>> [duration(s) for s in (0.0000042, 0.35, 1.94, 75, 7384)]
    ['4.2 µs', '350 ms', '1.94 s', '1 min 15 s', '2 h 03 min']
    """
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def when(time: str) -> str:
    """Return an ISO 8601 time as date and clock time, or `time` itself if it is not one.

    >>> when("2026-11-22T10:04:05.123456+00:00")
    '22 November 2026, 10:04 UTC'
    """
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return time
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".rstrip()


def label(name: str) -> str:
    """Return an identifier as words, without its separators.

    >>> label("held_out.accuracy")
    'held out accuracy'
    """
    return name.replace("_", " ").replace(".", " ").replace("/", " ").strip()


def title(name: str) -> str:
    """Return an identifier as words that begin with a capital letter.

    >>> title("images_per_s")
    'Images per s'
    """
    words = label(name)
    return words[:1].upper() + words[1:]
