"""Kernels that plugins add: which backend runs which operator how.

The table stands between plugins that may load in either order: the one that adds an operator and
the one that is the backend.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from st.core.errors import StError


class DuplicateKernelError(StError, ValueError):
    """A second kernel for the same operator and backend."""


class KernelHandle:
    """Undoes one registration. Closing twice does nothing."""

    def __init__(self, table: KernelTable, key: tuple[str, str]) -> None:
        self._table: KernelTable | None = table
        self._key = key

    def close(self) -> None:
        """Take the kernel out of the table."""
        table, self._table = self._table, None
        if table is not None:
            table._remove(self._key)

    def __enter__(self) -> KernelHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class KernelTable:
    """Operator and backend name (without regard to case) to whatever that backend documents."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[str, str], Any] = {}
        self._lock = Lock()
        self.generation = 0
        """Grows with every change; a backend that cached a bind compares it."""

    def register(self, op: str, backend: str, kernel: object) -> KernelHandle:
        """Add a kernel; the handle's `close` is the inverse. Safe to call from any thread.

        Raises:
            DuplicateKernelError: There is one already.
        """
        key = (op, backend.lower())
        with self._lock:
            if key in self._kernels:
                raise DuplicateKernelError(
                    f"operator {op!r} already has a kernel for backend {backend!r}; "
                    "close its handle first"
                )
            self._kernels = {**self._kernels, key: kernel}
            self.generation += 1
        return KernelHandle(self, key)

    def get(self, op: str, backend: str) -> Any | None:
        """Return the kernel, or None. Takes no lock."""
        return self._kernels.get((op, backend.lower()))

    def _remove(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._kernels = {k: v for k, v in self._kernels.items() if k != key}
            self.generation += 1


kernels = KernelTable()
"""The process's table: the one place both sides can reach whichever loads first."""
