"""The drain: everything published is accounted for, whatever a publisher or a sink does."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st.core import (
    EventBus,
    Plugin,
    PluginContext,
    PluginFailed,
    PluginMetadata,
    Registry,
    TensorOp,
)
from st.monitor.drain import FIELDS, Account, Drain, cost_of_a_record
from st.monitor.sampling import Sampling
from st.monitor.tape import Tape

OP = ("matmul", ((2, 2),), 1, 5, "NumPy", "body.0")


class Sink:
    """Counts what it is given."""

    def __init__(self) -> None:
        self.n_operations = 0
        self.spans: list[Any] = []
        self.accounts: list[Account] = []

    def take_operations(
        self, names: Sequence[Any], start_ns: Sequence[object], end_ns: Sequence[object]
    ) -> None:
        if not all(isinstance(time, int) for time in (*start_ns, *end_ns)):
            raise TypeError("times are integers")
        self.n_operations += len(names[0])

    def take_spans(self, spans: Sequence[Any]) -> None:
        self.spans += spans

    def flush(self) -> None:
        pass

    def save(self, account: Account) -> None:
        self.accounts.append(account)


def drain(capacity: int = 1000, mode: Any = "full") -> tuple[EventBus, Drain]:
    bus, tape = EventBus(), Tape(len(FIELDS), capacity)
    subscription = bus.subscribe(TensorOp, tape.record, raw=True)
    subscription.close()

    def listen(wanted: bool) -> None:
        bus.change(add=(subscription,)) if wanted else subscription.close()

    return bus, Drain(Sampling(mode, 0.01), tape, Tape(4, 100), listen, lambda _: None)


@settings(max_examples=40)
@given(capacity=st.integers(1, 200), n_threads=st.integers(1, 4), n_each=st.integers(0, 500))
def test_every_call_of_a_publisher_is_accounted_for(
    capacity: int, n_threads: int, n_each: int
) -> None:
    bus, draining = drain(capacity)
    sink = Sink()
    draining.start(sink)
    topic = bus.topic(TensorOp)
    begin = threading.Barrier(n_threads + 1)
    published = [0] * n_threads

    def publish(number: int) -> None:
        begin.wait()
        for _ in range(n_each):
            record = topic.record
            assert record is not None
            record(OP)
            published[number] += 1

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    begin.wait()
    draining.turn()
    for thread in threads:
        thread.join()
    account = draining.account()
    draining.stop(sink)

    assert account.n_published == sum(published)
    assert sink.accounts[-1].n_published == sum(published)
    assert sink.accounts[-1].n_recorded == sink.n_operations
    assert topic.record is None


def test_nonsense_of_a_publisher_is_dropped_and_counted() -> None:
    bus, draining = drain()
    sink = Sink()
    draining.start(sink)
    record = bus.topic(TensorOp).record
    assert record is not None

    record(("short", 1))
    for _ in range(10):
        record(OP)
    draining.turn()
    for _ in range(10):
        record(OP)
    draining.stop(sink)

    # Eleven calls left 62 fields: as ten records and a rest of one they are unreadable.
    assert sink.n_operations == 10
    assert sink.accounts[-1].n_dropped == 11


def test_what_was_published_before_belongs_to_nobody() -> None:
    bus, draining = drain()
    first, second = Sink(), Sink()
    draining.start(first)
    bus.publish(TensorOp(*OP))
    draining.stop(first)
    draining.start(second)
    bus.publish(TensorOp(*OP))
    bus.publish(TensorOp(*OP))
    draining.stop(second)

    assert (first.n_operations, second.n_operations) == (1, 2)
    assert second.accounts[-1].n_published == 2


def test_two_sinks_are_given_the_same() -> None:
    bus, draining = drain()
    sinks = [Sink(), Sink()]
    for sink in sinks:
        draining.start(sink)
    bus.publish(TensorOp(*OP))
    for sink in sinks:
        draining.stop(sink)

    assert [sink.n_operations for sink in sinks] == [1, 1]


@pytest.mark.parametrize("mode", ["off", "count", "sample", "full", "auto"])
def test_nobody_listens_unless_there_is_a_sink_and_the_mode_wants_it(mode: str) -> None:
    bus, draining = drain(mode=mode)
    topic = bus.topic(TensorOp)
    sink = Sink()

    before = topic.record
    draining.start(sink)
    during = topic.record
    draining.stop(sink)

    assert before is None
    assert (during is None) == (mode == "off")
    assert topic.record is None


def test_death_of_the_thread_is_told_and_costs_no_account() -> None:
    failed: list[PluginFailed] = []
    dead = threading.Event()

    class Broken(Sink):
        def flush(self) -> None:
            if not dead.is_set():
                dead.set()
                raise RuntimeError("broken sink")

    class Host(Plugin):
        metadata = PluginMetadata("host")

        def on_load(self, ctx: PluginContext) -> None:
            self.bus, self.draining = drain(capacity=50)
            self.sink = Broken()
            self.draining.start(self.sink)
            self.thread = ctx.spawn(self.draining.run)

    with Registry() as registry:
        registry.bus.subscribe(PluginFailed, failed.append)
        host = registry.register(Host()).plugin
        assert dead.wait(10)
        host.thread.join()
        for _ in range(80):
            host.bus.publish(TensorOp(*OP))
        host.draining.stop(host.sink)

    assert "broken sink" in failed[0].reason
    assert host.sink.accounts[-1].n_published == 80
    assert host.sink.accounts[-1].n_recorded == host.sink.n_operations == 50


def test_spans_are_handed_on_whole() -> None:
    _, draining = drain()
    sink = Sink()
    draining.start(sink)
    draining.spans.record(("load", 1, 5, 42))
    draining.stop(sink)

    assert sink.spans == [("load", 1, 5, 42)]


def test_cost_of_a_record_is_a_plausible_time() -> None:
    assert 20 < cost_of_a_record() < 1_000_000
