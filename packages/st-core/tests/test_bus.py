import sys
import threading
from collections.abc import Callable

import pytest

from st.core import (
    CustomEvent,
    EpochEnd,
    EpochStart,
    Event,
    EventBus,
    EventDepthError,
    EventError,
    EventNameError,
    ListenerFailed,
    Plugin,
    PluginContext,
    PluginEvent,
    PluginMetadata,
    PluginState,
    Registry,
    TensorOp,
    event,
)


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@event
class Base(Event):
    n: int


@event
class Derived(Base):
    extra: int = 0


def fail(_: object) -> None:
    raise ValueError("boom")


def test_class_name_and_wildcard_all_reach_the_listener(bus: EventBus) -> None:
    seen: list[str] = []
    bus.subscribe(EpochStart, lambda _: seen.append("class"))
    bus.subscribe("EpochStart", lambda _: seen.append("name"))
    bus.subscribe("*", lambda _: seen.append("all"))
    bus.subscribe(EpochEnd, lambda _: seen.append("other"))

    bus.publish(EpochStart(1))

    assert seen == ["class", "name", "all"]


def test_a_base_class_gets_its_subclasses_but_not_the_reverse(bus: EventBus) -> None:
    seen: list[Event] = []
    bus.subscribe(Base, seen.append)
    bus.subscribe("Base", seen.append)
    bus.subscribe(Derived, seen.append)

    bus.publish(Derived(1))
    bus.publish(Base(2))

    assert seen == [Derived(1)] * 3 + [Base(2)] * 2


def test_rank_then_subscription_orders_all_kinds_alike(bus: EventBus) -> None:
    seen: list[str] = []
    bus.subscribe("*", lambda _: seen.append("late"), rank=-1)
    bus.subscribe(Base, lambda _: seen.append("first of equals"))
    bus.subscribe("*", lambda _: seen.append("second of equals"))
    bus.subscribe("Derived", lambda _: seen.append("early"), rank=5)
    bus.subscribe(Derived, lambda _: seen.append("third of equals"))

    bus.publish(Derived(1))

    assert seen == ["early", "first of equals", "second of equals", "third of equals", "late"]


def test_with_the_first_of_ten_failing_the_other_nine_are_reached(bus: EventBus) -> None:
    reached: list[int] = []
    bus.subscribe(EpochStart, fail)
    for i in range(9):
        bus.subscribe(EpochStart, lambda _, i=i: reached.append(i))

    bus.publish(EpochStart(1))

    assert reached == list(range(9))


def test_a_failure_is_reported_and_counted(bus: EventBus) -> None:
    reported: list[ListenerFailed] = []
    bus.subscribe(ListenerFailed, reported.append)
    failing = bus.subscribe(EpochStart, fail)

    bus.publish(EpochStart(7))
    bus.publish(EpochStart(8))

    assert [item.event for item in reported] == [EpochStart(7), EpochStart(8)]
    assert isinstance(reported[0].error, ValueError)
    assert failing.n_failures == 2


def test_a_failing_listener_to_failures_does_not_run_in_circles(bus: EventBus) -> None:
    failing = bus.subscribe(ListenerFailed, fail)
    bus.subscribe(EpochStart, fail)

    bus.publish(EpochStart(1))

    assert failing.n_failures == 1


def test_one_function_subscribed_twice_is_blamed_for_the_right_one(bus: EventBus) -> None:
    reported: list[ListenerFailed] = []
    bus.subscribe(ListenerFailed, reported.append)
    first = bus.subscribe(EpochStart, fail)
    second = bus.subscribe(EpochEnd, fail)

    bus.publish(EpochEnd(1, 0.0))

    assert (first.n_failures, second.n_failures) == (0, 1)


def test_enough_failures_close_the_subscription(bus: EventBus) -> None:
    failing = bus.subscribe(EpochStart, fail, max_failures=2)

    for epoch in range(1, 4):
        bus.publish(EpochStart(epoch))

    assert (failing.n_failures, failing.is_open) == (2, False)


def test_a_once_listener_runs_once_even_when_it_publishes_again(bus: EventBus) -> None:
    seen: list[Event] = []

    def listener(item: EpochStart) -> None:
        seen.append(item)
        bus.publish(item)

    bus.subscribe(EpochStart, listener, once=True)
    bus.publish(EpochStart(1))
    bus.publish(EpochStart(2))

    assert seen == [EpochStart(1)]


def test_a_once_listener_waits_for_the_event_it_wants(bus: EventBus) -> None:
    seen: list[Event] = []
    bus.subscribe(EpochStart, seen.append, once=True, where=lambda item: item.epoch > 1)

    for epoch in (1, 2, 3):
        bus.publish(EpochStart(epoch))

    assert seen == [EpochStart(2)]


def test_a_failing_once_listener_is_still_known(bus: EventBus) -> None:
    failing = bus.subscribe(EpochStart, fail, once=True)

    bus.publish(EpochStart(1))

    assert failing.n_failures == 1


def test_a_filter_lets_only_its_events_through(bus: EventBus) -> None:
    seen: list[Event] = []
    bus.subscribe(EpochEnd, seen.append, where=lambda item: item.loss < 1)

    bus.publish(EpochEnd(1, 2.0))
    bus.publish(EpochEnd(2, 0.5))

    assert seen == [EpochEnd(2, 0.5)]


@pytest.mark.parametrize("excluded", [EpochEnd, "EpochEnd", Event], ids=["class", "name", "base"])
def test_a_wildcard_can_leave_events_out(bus: EventBus, excluded: type[Event] | str) -> None:
    seen: list[Event] = []
    bus.subscribe("*", seen.append, exclude=(excluded,))

    bus.publish(EpochEnd(1, 0.0))

    assert seen == []


def test_closing_takes_the_listener_off_and_may_be_repeated(bus: EventBus) -> None:
    seen: list[Event] = []

    with bus.subscribe(EpochStart, seen.append) as subscription:
        bus.publish(EpochStart(1))
    bus.publish(EpochStart(2))

    assert seen == [EpochStart(1)]
    assert subscription.close() is False
    assert bus.subscriptions() == ()


def test_a_publish_works_on_the_listeners_there_were_when_it_began(bus: EventBus) -> None:
    seen: list[str] = []

    def first(_: object) -> None:
        second.close()
        bus.subscribe(EpochStart, lambda _: seen.append("new"))
        seen.append("first")

    bus.subscribe(EpochStart, first)
    second = bus.subscribe(EpochStart, lambda _: seen.append("second"))
    bus.publish(EpochStart(1))

    assert seen == ["first", "second"]


def test_a_report_counts_who_was_reached_and_who_failed(bus: EventBus) -> None:
    bus.subscribe(EpochStart, lambda _: None)
    bus.subscribe(EpochStart, fail)

    report = bus.publish_report(EpochStart(1))

    assert (report.matched, report.delivered) == (2, 1)
    assert [type(failure.error) for failure in report.failures] == [ValueError]


def test_collecting_gives_the_answers_in_order(bus: EventBus) -> None:
    bus.subscribe(EpochStart, lambda item: item.epoch)
    bus.subscribe(EpochStart, lambda _: None)
    bus.subscribe(EpochStart, fail)
    bus.subscribe(EpochStart, lambda _: "early", rank=1)

    assert bus.collect(EpochStart(3)) == ("early", 3)


def test_listeners_that_set_each_other_off_end_in_one_clear_error(bus: EventBus) -> None:
    reported: list[BaseException] = []
    after: list[Event] = []
    bus.subscribe(ListenerFailed, lambda item: reported.append(item.error))
    bus.subscribe(EpochStart, lambda item: bus.publish(EpochEnd(item.epoch, 0.0)))
    bus.subscribe(EpochEnd, lambda item: bus.publish(EpochStart(item.epoch)))
    bus.subscribe(EpochEnd, lambda item: bus.publish(EpochStart(item.epoch)))
    bus.subscribe(EpochStart, after.append, rank=-1)

    bus.publish(EpochStart(1))

    assert [type(error) for error in reported] == [EventDepthError]
    assert "deep inside its own listeners" in str(reported[0])
    assert after == [EpochStart(1)]


def test_a_listener_that_recurses_on_its_own_is_an_ordinary_failure(bus: EventBus) -> None:
    reported: list[BaseException] = []

    def endless(item: object) -> None:
        endless(item)

    bus.subscribe(ListenerFailed, lambda item: reported.append(item.error))
    bus.subscribe(EpochStart, endless)
    bus.publish(EpochStart(1))

    assert [type(error) for error in reported] == [RecursionError]


@pytest.mark.parametrize("order", [SystemExit(3), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize(
    "publish",
    [
        lambda bus: bus.publish(EpochStart(1)),
        lambda bus: bus.collect(EpochStart(1)),
        lambda bus: bus.publish_report(EpochStart(1)),
        lambda bus: bus.topic(EpochStart).record((1,)),
    ],
    ids=["publish", "collect", "report", "record"],
)
@pytest.mark.parametrize("is_raw", [False, True], ids=["event", "raw"])
def test_an_order_to_the_process_is_no_failure_of_a_listener_and_passes_through(
    bus: EventBus, order: BaseException, publish: Callable[[EventBus], object], is_raw: bool
) -> None:
    def listen(_: object) -> None:
        raise order

    reported: list[Event] = []
    bus.subscribe(ListenerFailed, reported.append)
    subscription = bus.subscribe(EpochStart, listen, raw=is_raw)

    with pytest.raises(type(order)) as raised:
        publish(bus)

    assert raised.value is order
    assert (subscription.n_failures, reported) == (0, [])


def test_an_order_to_the_process_leaves_the_gate_open() -> None:
    class Quitter(Plugin):
        metadata = PluginMetadata("quitter")

        def on_load(self, ctx: PluginContext) -> None:
            ctx.subscribe(EpochStart, lambda event: sys.exit(event.epoch))

        def export_state(self) -> object:
            return None

        def import_state(self, state: object) -> None:
            pass

    with Registry(environ={}) as registry:
        registry.register(Quitter)
        with pytest.raises(SystemExit):
            registry.bus.publish(EpochStart(3))

        assert registry.reload("quitter").state is PluginState.ACTIVE


def test_a_second_owner_of_a_name_is_refused(bus: EventBus) -> None:
    @event
    class EpochStart(Event):
        epoch: int

    bus.topic(PluginEvent.EpochStart)

    with pytest.raises(EventNameError, match="is taken by EpochStart"):
        bus.publish(EpochStart(1))


def test_the_same_class_made_anew_takes_over_its_name(bus: EventBus) -> None:
    def make() -> type[Event]:
        @event
        class Again(Event):
            n: int

        return Again

    seen: list[Event] = []
    bus.subscribe("Again", seen.append)

    bus.publish(make()(1))
    bus.publish(make()(2))

    assert len(seen) == 2


def test_custom_events_are_found_by_their_name_and_as_a_kind(bus: EventBus) -> None:
    seen: list[object] = []
    bus.subscribe("Mine", lambda item: seen.append(("name", item.data)))
    bus.subscribe(CustomEvent, lambda item: seen.append(("kind", item.event_type)))

    bus.publish(PluginEvent.custom("Mine", 1))
    bus.publish(PluginEvent.custom("Another", 2))

    assert seen == [("name", 1), ("kind", "Mine"), ("kind", "Another")]


@pytest.mark.parametrize(
    "options",
    [
        {"what": "*", "raw": True},
        {"what": TensorOp, "raw": True, "once": True},
        {"what": TensorOp, "exclude": (EpochEnd,)},
    ],
    ids=["raw-wildcard", "raw-once", "exclude-without-wildcard"],
)
def test_options_that_make_no_sense_together_are_refused(bus: EventBus, options: dict) -> None:
    what = options.pop("what")

    with pytest.raises(EventError):
        bus.subscribe(what, print, **options)


def test_two_threads_share_one_call_of_a_once_listener(bus: EventBus) -> None:
    seen: list[Event] = []
    barrier = threading.Barrier(8)
    bus.subscribe(EpochStart, seen.append, once=True)

    def publish() -> None:
        barrier.wait()
        bus.publish(EpochStart(1))

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [EpochStart(1)]


def test_a_once_listener_in_two_snapshots_runs_once(bus: EventBus) -> None:
    seen: list[Event] = []

    def nested(item: EpochStart) -> None:
        if item.epoch == 1:
            bus.publish(EpochStart(2))

    bus.subscribe(EpochStart, nested, rank=1)
    bus.subscribe(EpochStart, seen.append, once=True)
    bus.publish(EpochStart(1))

    assert seen == [EpochStart(2)]
