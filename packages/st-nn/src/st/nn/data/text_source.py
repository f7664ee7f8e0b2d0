"""Text for language models: files as one long row of characters, cut into windows."""

from __future__ import annotations

import glob
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
import numpy as np
from msgspec import Meta
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from st.nn.data.dataset import Dataset
from st.nn.data.errors import DataError
from st.nn.data.reading import DEFAULT_LARGEST, Largest, decoded, read_bytes, unpacked
from st.nn.data.source import Share, Source

_MAX_REPORTED = 3
_N_CODE_POINTS = 0x110000

Path_ = Annotated[str, Meta(min_length=1)]
Windows = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _File:
    """A file of text: what messages call it, its characters, and its SHA-256."""

    shown: str
    text: str
    digest: str


class TextSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text, plain or packed with gzip (``.gz``), whose every next character is to be told.

    The files, in the order given and those of a pattern by name, are put one behind another and
    cut into windows of `context` characters. The last window begins earlier, so that it is whole
    and no character is left out. An epoch takes every window once, in an order of its own.
    """

    source: Literal["text"] = "text"
    path: Annotated[
        Path_ | Annotated[tuple[Path_, ...], Meta(min_length=1)],
        Meta(description="A file, a pattern such as src/**/*.py, or a list of these."),
    ]
    context: Annotated[int, Meta(ge=1, description="Characters in a window.")]
    held_out: Share = 0.1
    held_out_by: Annotated[
        Literal["position", "file"],
        Meta(description="Whether the end of the text is held out, or whole files."),
    ] = "position"
    characters: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="The characters there may be; those of the text unless given."),
    ] = None
    sha256: Annotated[
        Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None,
        Meta(description="Checksum of the file; of several, of their checksums one after another."),
    ] = None
    largest: Largest = DEFAULT_LARGEST

    def located(self, folder: Path) -> Self:
        """See `Source.located`."""
        here = folder.resolve()
        paths = tuple(
            str(Path(glob.escape(str(here)), path) if _is_pattern(here, path) else here / path)
            for path in self._paths
        )
        path = paths[0] if isinstance(self.path, str) else paths
        return msgspec.structs.replace(self, path=path)

    def read(self, folder: Path) -> Dataset:
        """Read every file and cut the windows; paths are relative to `folder`.

        Raises:
            DataError: A file is missing or no UTF-8 text, holds a character that is not among
                `characters` (told with line and column), or there is too little text.
        """
        files = self._read_all(folder)
        return self._made(files, self._sides(files))

    def read_whole(self, folder: Path) -> Dataset:
        """Read the same with nothing set apart.

        Raises:
            DataError: See `read`.
        """
        files = self._read_all(folder)
        return self._made(files, ("".join(file.text for file in files),))

    @property
    def shown(self) -> str:
        """What messages call the text."""
        first, *others = self._paths
        return f"{first} and {len(others)} more" if others else first

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path

    def _files(self, folder: Path) -> list[tuple[Path, str]]:
        """Return every file that is meant, once, and what messages call it."""
        found: dict[str, Path] = {}
        for path in self._paths:
            names = [path]
            if _is_pattern(folder, path):
                names = sorted(glob.glob(path, root_dir=folder, recursive=True))
                names = [name for name in names if (folder / name).is_file()]
                if not names:
                    given = f"none that match {path!r} in {folder.resolve()}"
                    raise DataError(self.shown, "path", "files", given)
            found |= {name: folder / name for name in names}
        return [(path, name) for name, path in found.items()]

    def _read(self, path: Path, shown: str) -> _File:
        data = read_bytes(path, shown)
        digest = hashlib.sha256(data).hexdigest()
        return _File(shown, decoded(unpacked(data, shown, self.largest), shown), digest)

    def _read_all(self, folder: Path) -> list[_File]:
        return [self._read(path, shown) for path, shown in self._files(folder)]

    def _made(self, files: Sequence[_File], sides: Sequence[str]) -> Dataset:
        """Return the windows of one text, or of two of which the second is held out."""
        digest = files[0].digest if len(files) == 1 else _together(files)
        if self.sha256 not in (None, digest):
            raise DataError(self.shown, "sha256", f"sha256 {self.sha256}", f"sha256 {digest}")
        points = [_code_points(side) for side in sides]
        characters = self._characters(files, points)
        code = np.zeros(_N_CODE_POINTS, np.min_scalar_type(len(characters) - 1))
        code[[ord(each) for each in characters]] = np.arange(len(characters))
        parts = [
            self._windows(code[side], what)
            for side, what in zip(points, ("to learn from", "held out"), strict=False)
        ]
        x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Dataset(
            x,
            y,
            characters,
            np.arange(1, len(x) + 1),
            self.shown,
            digest,
            apart=np.arange(len(x)) >= len(parts[0][0]) if len(parts) > 1 else None,
            is_text=True,
        )

    def _sides(self, files: Sequence[_File]) -> tuple[str, str]:
        """Return what is learned from and what is held out, each one text."""
        n_held_out = math.ceil(self.held_out * sum(len(file.text) for file in files) - 1e-9)
        if self.held_out_by == "position":
            text = "".join(file.text for file in files)
            return text[: len(text) - n_held_out], text[len(text) - n_held_out :]
        # By checksum, which has nothing to do with what a file is about or where it lies.
        apart: set[str] = set()
        for file in sorted(files, key=lambda file: file.digest):
            if n_held_out > 0:
                apart.add(file.shown)
                n_held_out -= len(file.text)
        learned = "".join(file.text for file in files if file.shown not in apart)
        return learned, "".join(file.text for file in files if file.shown in apart)

    def _characters(
        self, files: Sequence[_File], sides: Sequence[NDArray[np.uint32]]
    ) -> tuple[str, ...]:
        """Return the characters in the order of their code points.

        Raises:
            DataError: There are others than those that may be.
        """
        is_there = np.zeros(_N_CODE_POINTS, bool)
        for side in sides:
            is_there[side] = True
        found = set(map(chr, np.flatnonzero(is_there).tolist()))
        if self.characters is None:
            return tuple(sorted(found))
        unknown = found - set(self.characters)
        if unknown:
            places = [_first(each, files) for each in sorted(unknown)[:_MAX_REPORTED]]
            more = "; …" if len(unknown) > _MAX_REPORTED else ""
            raise DataError(
                self.shown,
                "characters",
                f"no others than the {len(set(self.characters))} characters that may be",
                f"{len(unknown)} more: {'; '.join(places)}{more}",
            )
        return tuple(sorted(set(self.characters)))

    def _windows(self, codes: NDArray[Any], what: str) -> Windows:
        """Return inputs and targets `(n, context)`, the targets one character further."""
        n_told = len(codes) - 1
        if n_told < self.context:
            raise DataError(
                self.shown,
                "context",
                f"more than {self.context} characters {what}",
                f"{len(codes)}",
            )
        starts = np.arange(0, n_told - self.context + 1, self.context)
        if n_told % self.context:
            starts = np.append(starts, n_told - self.context)
        windows = sliding_window_view(codes, self.context)
        return windows[starts], windows[starts + 1]


def _is_pattern(folder: Path, path: str) -> bool:
    """Whether `path` is to be matched; a file of that very name is itself."""
    return glob.has_magic(path) and not (folder / path).is_file()


def _together(files: Sequence[_File]) -> str:
    return hashlib.sha256("".join(file.digest for file in files).encode()).hexdigest()


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def _first(character: str, files: Sequence[_File]) -> str:
    """Return where a character stands first."""
    for file in files:
        at = file.text.find(character)
        if at >= 0:
            line = file.text.count("\n", 0, at) + 1
            column = at - file.text.rfind("\n", 0, at)
            return f"{file.shown}, line {line}, column {column}: {character!r}"
    raise AssertionError(f"{character!r} was found and is nowhere")
