"""An experiment file as plain values, with the place of each in the file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from st.core import StError
from st.nn.experiment.toml_lines import Position, toml_lines
from st.nn.faults import Fault, printable

_LARGEST_FILE = 1 << 18
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


# Reading keys costs the square of their parts, and no table of an experiment is that deep.
_LONG_KEY = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}"""
)


class ExperimentFileError(StError, ValueError):
    """A file cannot be read as the TOML an experiment is written in.

    Attributes:
        line: Where reading ended, from 1; 0 where it did not begin.
        column: The column in that line, from 1; 0 where it did not begin.
    """

    def __init__(self, source: Path, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(source, reason, line, column)
        self.source = printable(str(source))
        self.reason = printable(reason)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.source}{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Document:
    """The values of an experiment and where they stand.

    Attributes:
        source: What messages call it.
        values: The values as written.
        folder: Paths in the values are relative to it.
        positions: Line and column of each key and array element; empty for values without a file.
    """

    source: str
    values: Mapping[str, Any]
    folder: Path = Path()
    positions: Mapping[tuple[str | int, ...], Position] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the file without its ending."""
        return Path(self.source).stem

    def located(self, fault: Fault) -> Fault:
        """Return `fault` with the line of its value, or of the nearest table around that."""
        path = fault.path
        while path and path not in self.positions:
            path = path[:-1]
        if not path:
            return fault
        return replace(fault, line=self.positions[path].line, column=self.positions[path].column)


def read_document(path: Path) -> Document:
    """Read an experiment file.

    Raises:
        ExperimentFileError: It is missing, unreadable, larger than 256 KiB, not UTF-8 text, or not
            TOML; the message gives line and column.
    """
    text = _read_text(path)
    try:
        if _LONG_KEY.search(text):
            raise RecursionError
        values = tomllib.loads(text)
        positions = toml_lines(text.replace("\r\n", "\n"))
    except RecursionError:
        raise ExperimentFileError(path, "arrays or tables are nested too deeply") from None
    except ValueError as error:
        raise ExperimentFileError(path, *_placed(str(error), text)) from None
    return Document(str(path), values, path.parent, positions)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        is_run = os.path.isfile(path / "config.json")  # which never raises, whatever the path is
        hint = "; a run is gone on with by --resume" if is_run else ""
        raise ExperimentFileError(path, f"cannot be read: {reason or error}{hint}") from None
    if len(data) > _LARGEST_FILE:
        raise ExperimentFileError(path, "is no experiment file: it is larger than 256 KiB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        reason = f"byte 0x{data[error.start]:02x} is not UTF-8 text"
        raise ExperimentFileError(path, reason, line, column) from None


def _placed(message: str, text: str) -> tuple[str, int, int]:
    """Take the place off the end of tomllib's message: message, line and column."""
    match = _PLACE.search(message)
    if match is None:
        return message, 0, 0
    last = (text.count("\n") + 1, len(text) - text.rfind("\n"))
    line, column = map(int, match.groups()) if match.group(1) else last
    return message[: match.start()], line, column
