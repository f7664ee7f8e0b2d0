"""Batches that a thread gets ready while the last one is learned from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Condition, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

from st.core.isolation import attempt

T = TypeVar("T")


class Prefetched(Generic[T]):
    """Gives what an iterator gives, in its order, and has it ready before it is asked for.

    Use it as a context: at its end the thread is over. What the iterator raises is raised here,
    after everything it gave before. One thread at a time may take from it.

    >>> with Prefetched(iter("abc"), 2) as letters:
    ...     list(letters)
    ['a', 'b', 'c']
    """

    def __init__(self, source: Iterator[T], n: int) -> None:
        """Prepare; nothing is taken before the context is entered.

        Args:
            source: Nobody else takes from it.
            n: So much is got ready in advance, 1 or more, beside what is in the making.
        """
        self._source = source
        self._n = n
        self._ready: deque[T] = deque()
        self._changed = Condition()
        self._is_over = False
        self._is_closed = False
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name="st-prefetch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._is_over)
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
        if self._error is not None:
            raise self._error
        raise StopIteration

    def _run(self) -> None:
        # It is raised in the thread that asks, where somebody can hear it.
        error = attempt(self._fill)
        with self._changed:
            self._error, self._is_over = error, True
            self._changed.notify_all()

    def _fill(self) -> None:
        for made in self._source:
            with self._changed:
                self._changed.wait_for(lambda: len(self._ready) < self._n or self._is_closed)
                if self._is_closed:
                    return
                self._ready.append(made)
                self._changed.notify_all()
