"""Writing so that whoever looks, after a kill at any moment, finds the old or the new."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

MAX_TEXT = 1 << 24
"""Bytes of the largest configuration that is read; ours have some thousands."""


def read_file(path: Path, most: int | None = None) -> bytes:
    """Return the bytes of a plain file, or of one that a link leads to.

    Args:
        path: The file.
        most: So many bytes may it have; any number unless given.

    Raises:
        OSError: It cannot be read, is a device, a pipe or a folder, larger than `most`, or than
            the memory there is.
    """
    try:
        found = path.stat()
    except ValueError:
        raise OSError(errno.EINVAL, "no path can hold the character 0") from None
    if not stat.S_ISREG(found.st_mode):  # a device or a pipe may have no end
        raise OSError(errno.EINVAL, "it is no plain file")
    n_bytes = found.st_size
    if most is not None and n_bytes > most:
        raise OSError(errno.EFBIG, f"it has {n_bytes:,} bytes, expected at most {most:,}")
    try:
        return path.read_bytes()
    except MemoryError:
        raise OSError(errno.ENOMEM, f"{n_bytes:,} bytes do not fit in memory") from None


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there, in one step.

    Raises:
        OSError: The disk is full or the place is not writable; the old file is untouched.
    """
    beside = path.with_name(f"{path.name}.new")
    try:
        _write_through(beside, data)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put a folder with exactly `files` at `folder`, replacing what is there.

    A folder cannot be replaced in one step, so the old one is moved to ``<folder>.previous``
    first and deleted last: at every moment one of the two is complete. See `complete_folder`.

    Raises:
        OSError: The disk is full or the place is not writable; the old folder is untouched.
    """
    new, previous = _sibling(folder, "new"), _sibling(folder, "previous")
    _remove(new)
    try:
        new.mkdir(parents=True)
        for name, data in files.items():
            _write_through(new / name, data)
        _sync_folder(new)
        # An interrupted replacement left only the previous folder: it stays until the new is there.
        if folder.exists():
            _remove(previous)
            folder.rename(previous)
        new.rename(folder)
    except OSError:
        _remove(new)
        raise
    _sync_folder(folder.parent)
    _remove(previous)


def remove_folder(folder: Path) -> None:
    """Take away what `write_folder` left for `folder`; does nothing where nothing is.

    A kill at any moment leaves it complete, or nothing that `complete_folder` finds.

    Raises:
        OSError: It cannot be removed.
    """
    new, previous = _sibling(folder, "new"), _sibling(folder, "previous")
    _remove(new)
    if folder.exists():
        _remove(previous)
    present = complete_folder(folder)
    if present.exists():
        # Files go one by one: first the whole gets a name under which nobody looks for it.
        present.rename(new)
        _remove(new)


def complete_folder(folder: Path) -> Path:
    """Return where the newest complete folder is that `write_folder` left for `folder`."""
    previous = _sibling(folder, "previous")
    return previous if previous.is_dir() and not folder.exists() else folder


def _sibling(folder: Path, ending: str) -> Path:
    return folder.with_name(f"{folder.name}.{ending}")


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
