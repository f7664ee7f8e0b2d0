"""Where each key of a TOML document stands, which ``tomllib`` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys and array indices that lead to a value, such as ``("model", 1, "type")``."""

_DEEPEST = 80
"""Keys and indices of a path that is remembered; what lies deeper has the place of its table."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


class Position(NamedTuple):
    """A place in a text; line and column count from 1."""

    line: int
    column: int


def toml_lines(text: str) -> Mapping[Path, Position]:
    r"""Return where every key and every array element of `text` begins.

    A table that is opened by several headers or dotted keys counts where it is named first.

    Args:
        text: A document that ``tomllib.loads`` accepts; for any other the result means nothing.

    Example:
        >>> toml_lines("seed = 7\nmodel = [\n  { type = 'relu' },\n]\n")["model", 0, "type"]
        Position(line=3, column=5)
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


class _Scanner:
    """Walks over a valid document once, from start to end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Position] = {}
        self.lengths: dict[Path, int] = {}  # of the arrays made by [[headers]]
        self.line = 1
        self.line_start = 0
        self.counted_to = 0

    def document(self) -> None:
        table: Path = ()
        self.skip(_SPACE_AND_LINES)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text[self.at] == "[":
                table = self.header(1)
            else:
                self.pair(table)
            self.skip(_SPACE_AND_LINES)

    def header(self, n_brackets: int) -> Path:
        self.at += n_brackets
        keys = self.keys()
        self.at += n_brackets
        path: Path = ()
        for number, (key, start) in enumerate(keys, 1):
            path = (*path, key)
            self.note(path, start)
            is_new_element = n_brackets == 2 and number == len(keys)
            if is_new_element:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self.note(path, start)
        return path

    def pair(self, table: Path) -> None:
        path = table
        for key, start in self.keys():
            path = (*path, key)
            self.note(path, start)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def keys(self) -> list[tuple[str, int]]:
        """Read a dotted key and the space after it: its parts, and where each begins."""
        parts = []
        while True:
            self.skip(_SPACE)
            start = self.at
            if self.text[start] in "\"'":
                raw = self.skip(_STRING)
                parts.append((tomllib.loads(f"key = {raw}")["key"], start))
            else:
                parts.append((self.skip(_BARE_KEY), start))
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self.skip(_STRING)
        elif first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        else:
            self.skip(_SCALAR)

    def array(self, path: Path) -> None:
        index = 0
        while self.next_item("]"):
            self.note((*path, index), self.at)
            self.value((*path, index))
            index += 1

    def inline_table(self, path: Path) -> None:
        while self.next_item("}"):
            self.pair(path)

    def next_item(self, closing: str) -> bool:
        """Step over an opening bracket or a comma; at the closing bracket, over that."""
        self.skip(_SPACE_AND_LINES)
        if self.text[self.at] != closing:
            self.at += 1
            self.skip(_SPACE_AND_LINES)
        if self.text[self.at] != closing:
            return True
        self.at += 1
        return False

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, f"no {pattern.pattern} at {self.at}: the document is not valid"
        self.at = match.end()
        return match.group()

    def note(self, path: Path, start: int) -> None:
        if path in self.found or len(path) > _DEEPEST:
            return
        newlines = self.text.count("\n", self.counted_to, start)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rindex("\n", self.counted_to, start) + 1
        self.counted_to = start
        self.found[path] = Position(self.line, start - self.line_start + 1)
