"""When operations are listened to, played through without a clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.sampling import Mode, Sampling


def play(mode: Mode, budget: float, cost: float, idle_cost: float, until_s: float) -> float:
    """Give the share of time spent when listening costs `cost` and the rest `idle_cost`."""
    sampling = Sampling(mode, budget)
    sampling.start()
    passed = spent = 0.0
    while passed < until_s:
        length = min(sampling.length_s, until_s)
        paid = length * (cost if sampling.is_listening else idle_cost)
        sampling.stretch_ended(length, paid)
        passed, spent = passed + length, spent + paid
    return spent / passed


@given(cost=st.floats(0.0, 0.9), budget=st.sampled_from([0.001, 0.01, 0.05, 0.2]))
def test_auto_stays_within_its_budget(cost: float, budget: float) -> None:
    # One window of full cost may lie beyond the account when time is up.
    assert play("auto", budget, cost, 0.0, 100.0) <= budget * 1.02 + 0.02 / 100


@given(cost=st.floats(0.02, 0.9))
def test_auto_uses_the_budget_it_has(cost: float) -> None:
    assert play("auto", 0.01, cost, 0.0, 200.0) >= 0.009


def test_auto_listens_always_where_that_is_cheap_enough() -> None:
    sampling = Sampling("auto", 0.01)
    sampling.start()
    for _ in range(100):
        sampling.stretch_ended(sampling.length_s, 0.004 * sampling.length_s)
        assert sampling.is_listening


def test_auto_stops_listening_where_watching_alone_costs_more_than_the_budget() -> None:
    assert play("auto", 0.01, 0.5, 0.02, 100.0) <= 0.0205


def test_sample_listens_one_sixteenth_of_the_time() -> None:
    assert play("sample", 0.01, 1.0, 0.0, 320.0) == pytest.approx(1 / 16, rel=0.01)


@pytest.mark.parametrize(("mode", "listens"), [("off", False), ("count", True), ("full", True)])
def test_the_other_modes_never_change(mode: Mode, listens: bool) -> None:
    sampling = Sampling(mode, 0.01)
    sampling.start()
    sampling.stretch_ended(10.0, 5.0)

    assert sampling.is_listening == listens


def test_process_that_waited_is_watched_once_it_works() -> None:
    sampling = Sampling("auto", 0.01)
    sampling.start()
    sampling.stretch_ended(0.01, 0.001)
    for _ in range(1000):
        # Ten seconds of the clock each, in which the process did nothing but watch itself.
        sampling.stretch_ended(0.001, 0.001)

    for _ in range(11):
        sampling.stretch_ended(1.0, 0.0)

    assert sampling.is_listening
