import asyncio
import threading

import pytest

from st.core import EpochStart, EventBus, EventError


def test_a_task_gets_events_published_by_threads_in_order() -> None:
    bus = EventBus()

    async def read() -> list[int]:
        async with bus.stream(EpochStart) as stream:
            publisher = threading.Thread(
                target=lambda: [bus.publish(EpochStart(n)) for n in range(500)]
            )
            publisher.start()
            seen = [(await anext(stream)).epoch for _ in range(500)]
            publisher.join()
        return seen

    assert asyncio.run(read()) == list(range(500))
    assert bus.subscriptions() == ()


def test_the_oldest_make_room_and_are_counted() -> None:
    bus = EventBus()

    async def read() -> tuple[list[int], int]:
        async with bus.stream("EpochStart", maxsize=2) as stream:
            for n in range(5):
                bus.publish(EpochStart(n))
            return [(await anext(stream)).epoch for _ in range(2)], stream.n_dropped

    assert asyncio.run(read()) == ([3, 4], 3)


def test_a_stream_keeps_at_least_one() -> None:
    with pytest.raises(EventError, match="at least 1"):
        EventBus().stream(EpochStart, maxsize=0)
