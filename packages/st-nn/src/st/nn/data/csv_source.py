"""Rows from a CSV file: a line of column names, numbers, and one column that names the class."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec
import numpy as np
from msgspec import Meta

from st.core.nearest import nearest
from st.nn.data.dataset import Dataset
from st.nn.data.errors import DataError
from st.nn.faults import TIMES

_MAX_REPORTED_ROWS = 3
_LARGEST = float(np.finfo(np.float32).max)


class _LineReader(Protocol):
    """What ``csv.reader`` returns; its type has no public name."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class CsvSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CSV file, plain or packed with gzip (``.gz``), and how its columns are meant."""

    source: Literal["csv"] = "csv"
    path: Annotated[str, Meta(min_length=1, description="The file, relative to the experiment's.")]
    target: Annotated[str, Meta(description="The column that names the class.")]
    shape: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...] | None,
        Meta(description="The shape of one row's numbers; without it they are one vector."),
    ] = None
    scale: Annotated[float, Meta(description="Every number is multiplied by it.")] = 1.0
    held_out: Annotated[
        float, Meta(gt=0, lt=1, description="Share of the rows that is not learned from.")
    ] = 0.2
    sha256: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None,
        Meta(description="Checksum of the file; other bytes are refused."),
    ] = None

    def read(self, folder: Path) -> Dataset:
        """Read every row of the file, whose path is relative to `folder`.

        Raises:
            DataError: The file is missing, has another checksum, is no such CSV, or holds corrupt
                rows; they are named by line, and no row is ever left out.
        """
        path = folder / self.path
        packed = _read_bytes(path, self.path)
        digest = hashlib.sha256(packed).hexdigest()
        if self.sha256 is not None and digest != self.sha256:
            raise DataError(self.path, "sha256", f"sha256 {self.sha256}", f"sha256 {digest}")
        return self._parse(_decode(packed, path.suffix == ".gz", self.path), digest)

    def _parse(self, text: str, digest: str) -> Dataset:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = self._columns(reader)
        target = self._target_column(columns)
        numbers, names = self._read_rows(reader, columns, target)
        classes = _ordered(set(names))
        index = {name: label for label, name in enumerate(classes)}
        x = np.array(numbers, np.float32).reshape(len(names), -1)
        x *= np.float32(self.scale)
        return Dataset(
            x.reshape(len(names), *self._input_shape(x.shape[1])),
            np.array([index[name] for name in names], np.int64),
            classes,
            np.arange(1, len(names) + 1),
            self.path,
            digest,
        )

    def _columns(self, reader: _LineReader) -> list[str]:
        try:
            return next(reader, [])
        except csv.Error as error:
            raise DataError(self.path, "path", "CSV", f"line 1: {error}") from None

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
        return columns.index(self.target)

    def _read_rows(
        self, reader: _LineReader, columns: Sequence[str], target: int
    ) -> tuple[list[list[float]], list[str]]:
        numbers: list[list[float]] = []
        names: list[str] = []
        corrupt: list[str] = []
        try:
            for cells in reader:
                fault = _fault_of_row(cells, columns, target)
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

    def _input_shape(self, n_numbers: int) -> tuple[int, ...]:
        if self.shape is None:
            return (n_numbers,)
        if prod(self.shape) != n_numbers:
            raise DataError(
                self.path,
                "shape",
                f"a shape of {n_numbers} numbers, as many as a row has",
                f"{TIMES.join(map(str, self.shape))} with {prod(self.shape)}",
            )
        return self.shape


def read_csv(
    path: str | Path,
    target: str,
    *,
    shape: tuple[int, ...] | None = None,
    scale: float = 1.0,
    sha256: str | None = None,
) -> Dataset:
    """Read a CSV file, plain or ``.gz``; the arguments are the fields of `CsvSource`.

    Raises:
        DataError: The file cannot be used; nothing is dropped silently.
    """
    source = CsvSource(path=str(path), target=target, shape=shape, scale=scale, sha256=sha256)
    return source.read(Path())


def _read_bytes(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(shown, "path", "a file", f"nothing at {path}") from None
    except OSError as error:
        raise DataError(shown, "path", "a readable file", str(error.strerror or error)) from None


def _decode(packed: bytes, is_gzip: bool, shown: str) -> str:
    try:
        data = gzip.decompress(packed) if is_gzip else packed
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(shown, "path", "a gzip file", str(error)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            shown, "path", "UTF-8 text", f"line {line}: byte 0x{data[error.start]:02x}"
        ) from None


def _fault_of_row(cells: Sequence[str], columns: Sequence[str], target: int) -> str:
    if len(cells) != len(columns):
        return f"{len(cells)} cells instead of {len(columns)}"
    for position, cell in enumerate(cells):
        if position == target:
            if not cell.strip():
                return f"column {columns[position]!r} is empty"
        elif not _is_number(cell):
            return f"column {columns[position]!r} is no number: {cell!r}"
    return ""


def _is_number(cell: str) -> bool:
    """Whether `cell` is a finite float32; Python's ``1_000`` is not."""
    try:
        return abs(float(cell)) <= _LARGEST and "_" not in cell
    except ValueError:
        return False


def _ordered(names: set[str]) -> tuple[str, ...]:
    """Order class names as numbers where all are, otherwise as text."""
    if all(_is_number(name) for name in names):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))
