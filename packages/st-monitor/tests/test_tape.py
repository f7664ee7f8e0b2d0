"""The tape: nothing is lost without being counted, whoever publishes."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from st.monitor.tape import Tape


@given(
    capacity=st.integers(1, 50),
    n_threads=st.integers(1, 4),
    n_each=st.integers(0, 300),
    n_takes=st.integers(0, 20),
    n_most=st.integers(1, 40),
)
def test_published_is_recorded_and_dropped_and_pending(
    capacity: int, n_threads: int, n_each: int, n_takes: int, n_most: int
) -> None:
    tape = Tape(width=3, capacity=capacity)
    start = threading.Barrier(n_threads + 1)
    taken: list[int] = []

    def publish(number: int) -> None:
        start.wait()
        for i in range(n_each):
            tape.record((number, i, -1))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    start.wait()
    for _ in range(n_takes):
        taken.extend(tape.take(n_most))
    for thread in threads:
        thread.join()

    assert tape.n_recorded + tape.n_dropped + tape.n_pending == n_threads * n_each
    assert tape.n_recorded * 3 == len(taken)
    assert tape.n_pending <= capacity + n_threads


def test_records_stay_whole_and_in_the_order_of_their_thread() -> None:
    tape = Tape(width=2, capacity=100_000)
    start = threading.Barrier(4)

    def publish(number: int) -> None:
        start.wait()
        for i in range(5000):
            tape.record((number, i))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fields = tape.take()

    for number in range(4):
        mine = [i for who, i in zip(fields[::2], fields[1::2], strict=True) if who == number]
        assert mine == list(range(5000))


def test_full_tape_keeps_what_it_has_and_counts_the_rest() -> None:
    tape = Tape(width=1, capacity=3)

    for i in range(10):
        tape.record((i,))

    assert (tape.take(), tape.n_dropped) == ([0, 1, 2], 7)


def test_room_that_was_made_is_used_again() -> None:
    tape = Tape(width=1, capacity=2)
    for i in range(3):
        tape.record((i,))
    tape.take()

    tape.record((9,))

    assert list(tape.take()) == [9]


def test_discarded_records_count_as_dropped() -> None:
    tape = Tape(width=1, capacity=10)
    for i in range(5):
        tape.record((i,))
    tape.take(2)

    tape.discard(2)

    assert (tape.n_recorded, tape.n_dropped, tape.n_pending) == (0, 5, 0)


def test_finalizer_that_publishes_while_records_go_does_not_deadlock() -> None:
    tape = Tape(width=1, capacity=4)

    class Last:
        def __del__(self) -> None:
            tape.record(("gone",))

    tape.record((Last(),))
    tape.take()

    assert list(tape.take()) == ["gone"]
