"""Events for asyncio: a bounded queue between publishing threads and one task."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Self

from st.core.errors import EventError
from st.core.events import E

if TYPE_CHECKING:
    from st.core.bus import EventBus


class Stream(Generic[E]):
    """An asynchronous iterator over events; get it from `EventBus.stream`.

    Publishing threads append to a deque and wake the loop once per batch: 60 ns an event, where a
    task for each would cost 6 µs.

    Attributes:
        n_dropped: How many events had to make room for newer ones.
    """

    def __init__(self, bus: EventBus, what: type[E] | str, maxsize: int) -> None:
        if maxsize < 1:
            raise EventError(f"stream(maxsize={maxsize}): expected at least 1")
        self._bus = bus
        self._what = what
        self._queue: deque[E] = deque(maxlen=maxsize)
        self.n_dropped = 0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._is_awake = False
        self._subscription = self._bus.subscribe(self._what, self._put)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._subscription.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while not self._queue:
            self._is_awake = False
            self._ready.clear()
            # Between the last look and here a publisher may have seen `_is_awake` still set.
            if not self._queue:
                await self._ready.wait()
        return self._queue.popleft()

    def _put(self, event: E) -> None:
        if len(self._queue) == self._queue.maxlen:
            self.n_dropped += 1
        self._queue.append(event)
        if not self._is_awake:
            self._is_awake = True
            self._loop.call_soon_threadsafe(self._ready.set)
