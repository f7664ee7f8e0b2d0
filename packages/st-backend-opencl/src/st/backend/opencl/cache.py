"""Built programs on disk: never an error, never a half-written or damaged file handed out.

Any number of processes may share a directory. A file is written beside its place and renamed, and
carries the hash of its contents, because drivers crash on damaged binaries.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

CACHE_VARIABLE = "ST_OPENCL_CACHE_DIR"
"""Environment variable that names the directory; see `default_directory`."""

_MAGIC = b"st-opencl program 1\n"


class BinaryCache:
    """Bytes by key in one directory. Safe to use from any thread and process.

    Args:
        directory: Where the files lie; made when the first one is stored.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, key: str) -> bytes | None:
        """Return what was stored under `key`, or None when there is nothing usable."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        header = len(_MAGIC) + sha256().digest_size
        payload = data[header:]
        if data[:header] != _MAGIC + sha256(payload).digest():
            return None
        return payload

    def store(self, key: str, payload: bytes) -> None:
        """Keep `payload` under `key`; does nothing where the directory cannot be written."""
        with suppress(OSError):
            self.directory.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.directory, prefix=f"{key}.")
            beside = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + sha256(payload).digest() + payload)
                beside.replace(self._path(key))
            finally:
                beside.unlink(missing_ok=True)

    def discard(self, key: str) -> None:
        """Forget `key`, for a binary the driver would not take."""
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.program"


def default_directory() -> Path:
    """Return ``$ST_OPENCL_CACHE_DIR``, else ``st-opencl`` in the user's cache directory.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache``; ``~/Library/Caches`` on macOS; ``%LOCALAPPDATA%``
    on Windows.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "st-opencl"
