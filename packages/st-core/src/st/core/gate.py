"""A gate that publishers pass, so that a plugin can be exchanged between two events."""

from __future__ import annotations

import threading
import time


class Gate:
    """Open, it counts who is inside; closed, it keeps newcomers waiting until it opens again.

    A thread that is inside may enter again without waiting, and so may the thread that closed
    the gate; otherwise a listener that publishes would wait for itself. Safe to use from any
    thread.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._depths: dict[int, int] = {}
        self._owner: int | None = None

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._condition:
            if me not in self._depths:
                while self._owner is not None and self._owner != me:
                    self._condition.wait()
            self._depths[me] = self._depths.get(me, 0) + 1

    def __exit__(self, *_: object) -> None:
        me = threading.get_ident()
        with self._condition:
            if self._depths[me] == 1:
                del self._depths[me]
                self._condition.notify_all()
            else:
                self._depths[me] -= 1

    def close(self, timeout_s: float) -> bool:
        """Keep newcomers out and wait until all others have left.

        Returns:
            False when somebody was still inside after `timeout_s`, or another thread has closed
            the gate and keeps it; it is then as open as it was before.
        """
        me = threading.get_ident()
        deadline = time.monotonic() + timeout_s
        with self._condition:
            while self._owner is not None:
                if not self._condition.wait(deadline - time.monotonic()):
                    return False
            self._owner = me
            while any(thread != me for thread in self._depths):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._condition.wait(remaining):
                    self._owner = None
                    self._condition.notify_all()
                    return False
        return True

    def open(self) -> None:
        """Let everybody in again."""
        with self._condition:
            self._owner = None
            self._condition.notify_all()
