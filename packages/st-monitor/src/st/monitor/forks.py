"""What the child of a fork must let go of: it has the parent's objects, but none of its threads.

While a process forks, no lock of a watched object is held by another of its threads, and the
child starts with objects as if new.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import Protocol

__all__ = ["Forkable", "watch_forks"]


class Forkable(Protocol):
    """Something with locks, threads or files of its own."""

    def before_fork(self) -> None:
        """Take the locks that others must not hold when the process forks."""

    def after_fork(self, *, is_child: bool) -> None:
        """Give them back; in the child, let go of all that is the parent's."""


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()
_held: list[Forkable] = []


def watch_forks(what: Forkable) -> None:
    """Have an object told of forks for as long as it lives."""
    _watched.add(what)


def _before() -> None:
    _held.extend(_watched)
    for what in _held:
        what.before_fork()


def _after_in_parent() -> None:
    while _held:
        _held.pop().after_fork(is_child=False)


def _after_in_child() -> None:
    while _held:
        _held.pop().after_fork(is_child=True)


if sys.platform != "win32":
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
