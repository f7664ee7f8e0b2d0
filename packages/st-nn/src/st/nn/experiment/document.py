"""An experiment file as plain values, with the place of each in the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from st.core import StError
from st.nn.experiment.toml_lines import Position, toml_lines
from st.nn.faults import Fault

_LARGEST_FILE = 1 << 20
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class ExperimentFileError(StError, ValueError):
    """A file cannot be read as the TOML an experiment is written in."""


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
        ExperimentFileError: It is missing, unreadable, larger than 1 MiB, not UTF-8 text, or not
            TOML; the message gives line and column.
    """
    text = _read_text(path)
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ExperimentFileError(f"{path}: arrays or tables are nested too deeply") from None
    except ValueError as error:
        raise ExperimentFileError(f"{path}{_placed(str(error), text)}") from None
    return Document(str(path), values, path.parent, toml_lines(text.replace("\r\n", "\n")))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ExperimentFileError(
            f"cannot read experiment file {path}: {error.strerror or error}"
        ) from None
    if len(data) > _LARGEST_FILE:
        raise ExperimentFileError(f"{path} is no experiment file: it is larger than 1 MiB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ExperimentFileError(
            f"{path}:{line}:{column}: byte 0x{data[error.start]:02x} is not UTF-8 text"
        ) from None


def _placed(message: str, text: str) -> str:
    """Move the place from the end of tomllib's message to its front: ``:line:column: message``."""
    match = _PLACE.search(message)
    if match is None:
        return f": {message}"
    last = (text.count("\n") + 1, len(text) - text.rfind("\n"))
    line, column = match.groups() if match.group(1) else last
    return f":{line}:{column}: {message[: match.start()]}"
