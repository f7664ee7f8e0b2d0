"""Rows from a CSV file: a line of column names, numbers, and one column that names the class."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Protocol

import numpy as np
from msgspec import Meta

from st.core.nearest import nearest
from st.nn.data.dataset import Dataset
from st.nn.data.errors import DataError
from st.nn.data.reading import decoded
from st.nn.data.source import FileSource, is_number

_MAX_REPORTED_ROWS = 3


class _LineReader(Protocol):
    """What ``csv.reader`` returns; its type has no public name."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class CsvSource(FileSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CSV file, plain or packed with gzip (``.gz``), and how its columns are meant.

    Cells of a file that ends in ``.tsv`` or ``.tsv.gz`` are separated by tabs.
    """

    source: Literal["csv"] = "csv"
    target: Annotated[str, Meta(description="The column that names the class, or is to be told.")]

    def read(self, folder: Path) -> Dataset:
        """Read every row of the file, whose path is relative to `folder`.

        Raises:
            DataError: The file is missing, has another checksum, is no such CSV, or holds corrupt
                rows; they are named by line, and no row is ever left out.
        """
        data, digest = self.read_bytes(folder)
        return self._parse(decoded(data, self.path), digest)

    def _parse(self, text: str, digest: str) -> Dataset:
        separator = "\t" if self.path.removesuffix(".gz").endswith(".tsv") else ","
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
        columns = self._columns(reader)
        target = self._target_column(columns)
        numbers, names = self._read_rows(reader, columns, target)
        x = np.array(numbers, np.float32).reshape(len(names), -1)
        return self.made(x, names, digest)

    def _columns(self, reader: _LineReader) -> list[str]:
        try:
            columns = next(reader, None)
        except csv.Error as error:
            raise DataError(self.path, "path", "CSV", f"line 1: {error}") from None
        if not columns:
            given = "an empty file" if columns is None else "an empty line"
            raise DataError(self.path, "path", "the names of the columns in line 1", given)
        return columns

    def _target_column(self, columns: Sequence[str]) -> int:
        doubled = sorted({name for name in columns if columns.count(name) > 1})
        if doubled:
            raise DataError(
                self.path, "path", "columns with different names", f"{doubled[0]!r} more than once"
            )
        if self.target not in columns:
            close = nearest(self.target, columns)
            raise DataError(
                self.path,
                "target",
                "the name of a column",
                f"{self.target!r}" + (f"; nearest: {close!r}" if close else ""),
            )
        if len(columns) == 1:
            expected = f"columns of numbers beside the target {self.target!r}"
            raise DataError(self.path, "path", expected, "no other column")
        return columns.index(self.target)

    def _read_rows(
        self, reader: _LineReader, columns: Sequence[str], target: int
    ) -> tuple[list[list[float]], list[str]]:
        numbers: list[list[float]] = []
        names: list[str] = []
        corrupt: list[str] = []
        try:
            for cells in reader:
                text_at = target if self.target_is == "class" else None
                fault = _fault_of_row(cells, columns, text_at)
                if fault:
                    # line_num counts lines of the file, also where a quoted cell spans several.
                    corrupt.append(f"line {reader.line_num}: {fault}")
                else:
                    names.append(cells.pop(target))
                    numbers.append([float(cell) for cell in cells])
        except csv.Error as error:
            raise DataError(self.path, "path", "CSV", f"line {reader.line_num}: {error}") from None
        if corrupt:
            more = "; …" if len(corrupt) > _MAX_REPORTED_ROWS else ""
            raise DataError(
                self.path,
                "path",
                f"{len(columns) - 1} numbers and {self.target!r} in every row",
                f"{len(corrupt)} corrupt row{'s' * (len(corrupt) > 1)}: "
                + "; ".join(corrupt[:_MAX_REPORTED_ROWS])
                + more,
            )
        if not names:
            raise DataError(self.path, "path", "rows below the column names", "none")
        return numbers, names


def read_csv(
    path: str | Path,
    target: str,
    *,
    shape: tuple[int, ...] | None = None,
    scale: float = 1.0,
    target_is: Literal["class", "number"] = "class",
    sha256: str | None = None,
) -> Dataset:
    """Read a CSV or TSV file, plain or ``.gz``; the arguments are the fields of `CsvSource`.

    Raises:
        DataError: The file cannot be used; nothing is dropped silently.
    """
    source = CsvSource(
        path=str(path),
        target=target,
        target_is=target_is,
        shape=shape,
        scale=scale,
        sha256=sha256,
    )
    return source.read(Path())


def _fault_of_row(cells: Sequence[str], columns: Sequence[str], text_at: int | None) -> str:
    """Return what is wrong with a row in which all but the cell at `text_at` are numbers."""
    if len(cells) != len(columns):
        return f"{len(cells)} cells instead of {len(columns)}"
    for position, cell in enumerate(cells):
        if position == text_at:
            if not cell.strip():
                return f"column {columns[position]!r} is empty"
        elif not is_number(cell):
            return f"column {columns[position]!r} is no number: {cell!r}"
    return ""
