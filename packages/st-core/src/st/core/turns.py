"""One thread at a time per key, with bounded waits and without deadlock.

No lock is held while a plugin loads or a service is built: the thread at work owns the key
instead. Others wait for it; a circle of waits is found when its last link would close it.
"""

from __future__ import annotations

import time

# What `threading` has them from; it takes 0.6 ms to import, and only who waits needs more of it.
from _thread import allocate_lock, get_ident
from typing import TYPE_CHECKING

from st.core.errors import ActivationCycleError, TransitionTimeoutError

if TYPE_CHECKING:
    from threading import Condition


class Turns:
    """Who is at work on what. Safe to use from any thread.

    Args:
        timeout_s: How long `take` waits for another thread.
    """

    def __init__(self, timeout_s: float = 30.0) -> None:
        self.timeout_s = timeout_s
        self._lock = allocate_lock()
        # Over that lock, from the first time that somebody waits.
        self._condition: Condition | None = None
        self._owners: dict[str, int] = {}
        self._waits: dict[int, str] = {}

    def take(self, key: str) -> None:
        """Become the owner of `key`; whoever calls this calls `give_back` later.

        Raises:
            ActivationCycleError: When this thread has it already, or its owner waits, through
                however many others, for something this thread has.
            TransitionTimeoutError: When its owner keeps it for longer than `timeout_s`.
        """
        me = get_ident()
        with self._lock:
            if key not in self._owners:
                self._owners[key] = me
                return
            self._refuse_circle(key, me)
            from threading import Condition

            condition = self._condition = self._condition or Condition(self._lock)
            deadline = time.monotonic() + self.timeout_s
            self._waits[me] = key
            try:
                while key in self._owners:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0:
                        raise TransitionTimeoutError(
                            key,
                            f"{key!r} is still in transition after {self.timeout_s:g} s; "
                            f"thread {_thread_name(self._owners[key])!r} is at work on it",
                        )
                    condition.wait(remaining)
            finally:
                del self._waits[me]
            self._owners[key] = me

    def give_back(self, key: str) -> None:
        """Let the next one have `key`."""
        with self._lock:
            del self._owners[key]
            if self._condition is not None:
                self._condition.notify_all()

    def _refuse_circle(self, key: str, me: int) -> None:
        chain = [key]
        while True:
            owner = self._owners.get(chain[-1])
            if owner == me:
                mine = [held for held, thread in self._owners.items() if thread == me]
                links = " → ".join([*dict.fromkeys([*mine, *chain]), chain[-1]])
                raise ActivationCycleError(key, f"activation runs in a circle: {links}")
            waits_for = None if owner is None else self._waits.get(owner)
            if waits_for is None:
                return
            chain.append(waits_for)


def _thread_name(ident: int) -> str:
    from threading import enumerate

    names = [thread.name for thread in enumerate() if thread.ident == ident]
    return names[0] if names else str(ident)
