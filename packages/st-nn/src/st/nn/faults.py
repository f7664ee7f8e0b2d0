"""Faults of a description: where, what was expected, what was given, and what would mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from st.core import StError

Path = tuple[str | int, ...]
"""Keys and indices that lead to a value, such as ``("model", 1, "type")``."""

TIMES = "\N{MULTIPLICATION SIGN}"
"""Between the sizes of a shape; spelt out because it looks like the letter x."""

_LONGEST_VALUE = 60
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a description.

    Attributes:
        path: Which value.
        expected: What should stand there.
        given: What stands there.
        nearest: The existing name that looks most like the given one, or empty.
        install: The command that would provide the given name, or empty.
        line: The line of the file, from 1; 0 where there is no file.
        column: The column in that line, from 1; 0 where there is no file.
    """

    path: Path
    expected: str
    given: str
    nearest: str = ""
    install: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """The fault in one line, without its place in the file."""
        hints = [f"nearest: {self.nearest}"] * bool(self.nearest)
        hints += [f"install it with: {self.install}"] * bool(self.install)
        text = f"{shown_path(self.path)}: expected {self.expected}, given {self.given}"
        return printable("; ".join([text, *hints]))


class DescriptionError(StError, ValueError):
    """A description of a model or an experiment has faults; all of them are told.

    Attributes:
        source: The file or pipeline that was described.
        faults: Everything found, in the order of the description.
    """

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        super().__init__(source, tuple(faults))
        self.source = source
        self.faults = tuple(faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            (fault,) = self.faults
            source = printable(self.source)
            place = f"{source}:{fault.line}" if fault.line else source
            return f"{place}: {fault}"
        lines = [f"{printable(self.source)}: {len(self.faults)} faults, nothing was started"]
        for fault in self.faults:
            line = f"line {fault.line}, " if fault.line else ""
            lines.append(f"  {line}{shown_path(fault.path)}")
            lines += [f"    {name:<8}  {printable(text)}" for name, text in _details(fault) if text]
        return "\n".join(lines)


def _details(fault: Fault) -> Iterable[tuple[str, str]]:
    return (
        ("expected", fault.expected),
        ("given", fault.given),
        ("nearest", fault.nearest),
        ("install", fault.install),
    )


def shown_path(path: Path) -> str:
    """Return `path` for people: ``("model", 1, "type")`` is ``model 2 → type``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f" {part + 1}"
        else:
            key = part if _BARE_KEY.fullmatch(part) else shown(part)
            text += f" → {key}" if text else key
    return text or "the description"


def shown(value: Any) -> str:
    """Return `value` as one short printable piece of text, strings in double quotes."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    text = printable(text)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def printable(text: str) -> str:
    """Return `text` in one line, with escapes for what a terminal would obey and not show."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
