"""One thread at a time per key, with bounded waits and without deadlock.

No lock is held while a plugin loads or a service is built: the thread at work owns the key
instead. Others wait for it; a circle of waits is found when its last link would close it.
"""

from __future__ import annotations

import threading
import time

from st.core.errors import ActivationCycleError, TransitionTimeoutError


class Turns:
    """Who is at work on what. Safe to use from any thread.

    Args:
        timeout_s: How long `take` waits for another thread.
    """

    def __init__(self, timeout_s: float = 30.0) -> None:
        self.timeout_s = timeout_s
        # Taken by its own name where nobody waits: entering a Condition runs Python code.
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        self._owners: dict[str, int] = {}
        self._waits: dict[int, str] = {}

    def take(self, key: str) -> None:
        """Become the owner of `key`; whoever calls this calls `give_back` later.

        Raises:
            ActivationCycleError: When this thread has it already, or its owner waits, through
                however many others, for something this thread has.
            TransitionTimeoutError: When its owner keeps it for longer than `timeout_s`.
        """
        me = threading.get_ident()
        with self._lock:
            if key not in self._owners:
                self._owners[key] = me
                return
            self._refuse_circle(key, me)
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
                    self._condition.wait(remaining)
            finally:
                del self._waits[me]
            self._owners[key] = me

    def give_back(self, key: str) -> None:
        """Let the next one have `key`."""
        with self._lock:
            del self._owners[key]
            if self._waits:
                self._condition.notify_all()

    def is_mine(self, key: str) -> bool:
        """Whether this thread owns `key`."""
        return self._owners.get(key) == threading.get_ident()

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
    names = [thread.name for thread in threading.enumerate() if thread.ident == ident]
    return names[0] if names else str(ident)
