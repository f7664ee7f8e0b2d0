"""Any value as plain JSON data: bounded, acyclic, without executing anybody's code.

Events carry whatever their publishers put there. What is written down is made of dict, list,
str, int, float, bool and None only, so that every line of a record is strict JSON:

- numbers that JSON lacks become the strings "NaN", "Infinity" and "-Infinity"
  (:func:`as_number` reads them back);
- arrays and other objects are named by their type and, where they have one, their shape:
  a record holds summaries, never tensors;
- what a key calls a password, a secret or a token is not written: records get shared;
- depth, length of strings and the number of items are bounded, what was left out is said.
"""

from __future__ import annotations

import dataclasses
import math
import re
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

__all__ = ["HIDDEN", "Json", "as_number", "is_secret", "plain"]

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_SECRET = re.compile(r"(^|[._-])(password|passwd|secret|token|api_key|access_key)$", re.I)
HIDDEN = "(hidden)"

MAX_DEPTH = 16
MAX_ITEMS = 20_000
MAX_CHARACTERS = 20_000


def plain(value: object, *, max_items: int = MAX_ITEMS) -> Json:
    """Return `value` as JSON data, with at most `max_items` items in all its containers.

    >>> plain({"loss": float("nan"), "shapes": ((2, 3),), "error": ValueError("no")})
    {'loss': 'NaN', 'shapes': [[2, 3]], 'error': 'ValueError: no'}
    """
    return _Reduction(max_items).reduce(value, MAX_DEPTH)


def as_number(value: object) -> float | None:
    """Return a recorded number as float, or None when `value` is no number.

    >>> as_number(3), as_number("NaN"), as_number("three")
    (3.0, nan, None)
    """
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and value in _NON_FINITE:
        return float(value)
    return None


_NON_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})


def is_secret(name: str, value: object) -> bool:
    """Whether `name` says that its text should not be shown to others."""
    return isinstance(value, str) and _SECRET.search(name) is not None


class _Reduction:
    """One pass over one value; `n_items` is what may still be taken from containers."""

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items

    def reduce(self, value: object, depth: int) -> Json:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, int):
            # Beyond 64 bits no reader of JSON can be relied on to keep it.
            if -(2**63) <= value < 2**63:
                return int(value)
            return f"integer of {value.bit_length()} bits"
        if isinstance(value, float):
            return _float(float(value))
        if isinstance(value, (dict, MappingProxyType, list, tuple, set, frozenset)):
            return self._container(value, depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
            return self._container(fields, depth)
        return _scalar_or_name(value)

    def _container(self, value: Any, depth: int) -> Json:
        if depth == 0:
            return f"<{type(value).__name__} of {len(value)}, too deep to record>"
        if isinstance(value, (dict, MappingProxyType)):
            pairs = self._take(list(value.items()))
            result: dict[str, Json] = {}
            for key, item in pairs:
                name = _key(key)
                result[name] = HIDDEN if is_secret(name, item) else self.reduce(item, depth - 1)
            if len(pairs) < len(value):
                result["…"] = f"{len(value) - len(pairs)} more"
            return result
        items = self._take(list(value))
        reduced = [self.reduce(item, depth - 1) for item in items]
        if len(items) < len(value):
            reduced.append(f"… {len(value) - len(items)} more")
        return reduced

    def _take(self, items: list[Any]) -> list[Any]:
        taken = items[: self.n_items]
        self.n_items -= len(taken)
        return taken


def _key(key: object) -> str:
    return _text(key) if isinstance(key, str) else str(plain(key, max_items=8))


def _text(value: str) -> str:
    value = str.__str__(value)
    if len(value) <= MAX_CHARACTERS:
        return value
    return f"{value[:MAX_CHARACTERS]}… {len(value) - MAX_CHARACTERS} more characters"


def _float(value: float) -> Json:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _scalar_or_name(value: object) -> Json:
    """Paths, types, members of an Enum and exceptions by their text; the rest by type."""
    kind = type(value)
    if isinstance(value, PurePath):
        return _text(str(value))
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, BaseException):
        messages = [argument for argument in value.args if isinstance(argument, str)]
        return _text(": ".join([kind.__name__, *messages]))
    if kind.__module__ == "numpy":
        return _numpy(value)
    return f"<{kind.__module__}.{kind.__qualname__}>"


def _numpy(value: Any) -> Json:
    """A number by its value, an array by its shape; NumPy itself need not be imported."""
    if getattr(value, "shape", None) == ():
        item = value.item()
        return plain(item) if isinstance(item, (bool, int, float)) else f"<{value.dtype}>"
    if isinstance(getattr(value, "shape", None), tuple):
        return f"<array {' by '.join(map(str, value.shape))} {value.dtype}>"
    return f"<numpy.{type(value).__qualname__}>"
