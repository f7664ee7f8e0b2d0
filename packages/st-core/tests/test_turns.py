import threading

import pytest

from st.core import ActivationCycleError, TransitionTimeoutError
from st.core.turns import Turns


def test_a_turn_is_waited_for_and_the_holder_is_named() -> None:
    turns = Turns(timeout_s=0.01)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        turns.take("a")
        held.set()
        done.wait()
        turns.give_back("a")

    holder = threading.Thread(target=hold, name="the-holder")
    holder.start()
    held.wait()

    with pytest.raises(TransitionTimeoutError, match="'the-holder' is at work on it"):
        turns.take("a")
    done.set()
    holder.join()
    turns.take("a")
    turns.give_back("a")


def test_taking_what_one_has_is_a_circle() -> None:
    turns = Turns()
    turns.take("a")
    turns.take("b")

    with pytest.raises(ActivationCycleError, match="a → b → a"):
        turns.take("a")


def test_a_circle_over_two_threads_is_found_and_neither_hangs() -> None:
    turns = Turns(timeout_s=10)
    barrier = threading.Barrier(2)
    outcome: list[str] = []

    def cross(mine: str, other: str) -> None:
        turns.take(mine)
        barrier.wait()
        try:
            turns.take(other)
            turns.give_back(other)
            outcome.append("through")
        except ActivationCycleError:
            outcome.append("circle")
        finally:
            turns.give_back(mine)

    threads = [threading.Thread(target=cross, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcome) == ["circle", "through"]
