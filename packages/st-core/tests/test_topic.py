from collections import deque

import pytest

from st.core import EpochEnd, EventBus, ListenerFailed, TensorOp, Topic

FIELDS = ("matmul", ((2, 3), (3, 4)), 10, 20, "NumPy", "0")


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def topic(bus: EventBus) -> Topic[TensorOp]:
    return bus.topic(TensorOp)


def test_nobody_listening_means_no_record(bus: EventBus, topic: Topic[TensorOp]) -> None:
    assert topic.record is None

    with bus.subscribe(EpochEnd, print), bus.subscribe("*", print, exclude=(TensorOp,)):
        assert topic.record is None


def test_the_sole_compiled_raw_listener_is_the_record_itself(
    bus: EventBus, topic: Topic[TensorOp]
) -> None:
    sink: deque[tuple[object, ...]] = deque()
    append = sink.append

    with bus.subscribe(TensorOp, append, raw=True):
        assert topic.record is append
    assert topic.record is None


def test_a_raw_listener_gets_the_fields_from_either_way_to_publish(
    bus: EventBus, topic: Topic[TensorOp]
) -> None:
    seen: list[tuple[object, ...]] = []
    bus.subscribe(TensorOp, lambda fields: seen.append(fields), raw=True)

    topic.record(FIELDS)
    bus.publish(TensorOp(*FIELDS))

    assert seen == [FIELDS, FIELDS]


def test_raw_and_other_listeners_share_one_order(bus: EventBus, topic: Topic[TensorOp]) -> None:
    seen: list[object] = []
    bus.subscribe(TensorOp, lambda fields: seen.append(fields), raw=True)
    bus.subscribe("*", seen.append, rank=1)

    topic.record(FIELDS)

    assert seen == [TensorOp(*FIELDS), FIELDS]


def test_no_event_is_built_when_all_listeners_are_raw(
    bus: EventBus, topic: Topic[TensorOp]
) -> None:
    seen: list[tuple[object, ...]] = []
    bus.subscribe(TensorOp, seen.append, raw=True)
    bus.subscribe(TensorOp, seen.append, raw=True)

    topic.record(("only", "three", "fields"))  # TensorOp takes six

    assert seen == [("only", "three", "fields")] * 2


def test_a_failing_raw_listener_stops_neither_the_next_nor_the_publisher(
    bus: EventBus, topic: Topic[TensorOp]
) -> None:
    seen: list[object] = []
    reported: list[ListenerFailed] = []

    def fail(_: object) -> None:
        raise ValueError("boom")

    bus.subscribe(ListenerFailed, reported.append)
    failing = bus.subscribe(TensorOp, fail, raw=True)
    bus.subscribe(TensorOp, seen.append, raw=True)

    topic.record(FIELDS)

    assert seen == [FIELDS]
    assert failing.n_failures == 1
    assert reported[0].event == TensorOp(*FIELDS)


def test_many_listeners_are_resolved_when_the_first_record_comes(
    bus: EventBus, topic: Topic[TensorOp]
) -> None:
    seen: list[object] = []
    subscriptions = [bus.subscribe(TensorOp, seen.append, raw=True) for _ in range(20)]

    topic.record(FIELDS)
    for subscription in subscriptions:
        subscription.close()

    assert len(seen) == 20
    assert topic.record is None


def test_there_is_one_topic_per_class(bus: EventBus, topic: Topic[TensorOp]) -> None:
    assert bus.topic(TensorOp) is topic
