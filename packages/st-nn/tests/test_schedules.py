"""Schedules against PyTorch's, whose rates reference/make_torch_schedules.py stored."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from st.core import Registry
from st.nn.discovery import MODULE_REGISTRY
from st.nn.metadata import ModuleCategory
from st.nn.schedules import (
    Constant,
    Cosine,
    ExponentialDecay,
    LinearDecay,
    OneCycle,
    Schedule,
    StepDecay,
)

N_PER_EPOCH, N_STEPS = 4, 24
TORCH = json.loads((Path(__file__).parent / "reference/torch_schedules.json").read_text())
SCHEDULES = {
    "constant": Constant(),
    "step_decay": StepDecay(every=2, decay=0.3),
    "linear_decay": LinearDecay(floor=0.1),
    "cosine": Cosine(floor=0.1),
    "one_cycle": OneCycle(),
    "one_cycle-options": OneCycle(rise=0.2, start=0.1, end=0.001),
}


def factors(schedule: Schedule, n_steps: int = N_STEPS) -> list[float]:
    return [schedule.factor(step, n_steps, N_PER_EPOCH) for step in range(1, n_steps + 1)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_pytorchs(name: str) -> None:
    assert factors(SCHEDULES[name]) == pytest.approx(TORCH[name], rel=1e-12, abs=1e-15)


def test_exponential_decay_is_pytorchs_at_the_beginning_of_every_epoch() -> None:
    of_epochs = factors(ExponentialDecay(decay=0.7))[::N_PER_EPOCH]

    assert of_epochs == pytest.approx(TORCH["exponential_decay"][::N_PER_EPOCH], rel=1e-12)


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(warmup=1.5),
        StepDecay(every=1, warmup=1.5),
        ExponentialDecay(decay=0.5, warmup=1.5),
        LinearDecay(warmup=1.5),
        Cosine(warmup=1.5),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_rate_rises_in_a_line_first_and_then_does_what_it_does_without(schedule: Schedule) -> None:
    without = type(schedule).factor

    found = factors(schedule)

    assert found[:6] == pytest.approx([step / 6 for step in range(1, 7)])
    assert found[6:] == pytest.approx(
        [
            without(_without_warmup(schedule), step, N_STEPS - 6, N_PER_EPOCH)
            for step in range(1, N_STEPS - 5)
        ]
    )


def _without_warmup(schedule: Schedule) -> Schedule:
    fields = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
    return type(schedule)(**{**fields, "warmup": 0.0})


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_shortest_runs_have_rates_too(schedule: Schedule, n_steps: int) -> None:
    assert all(0 < factor <= 1 for factor in factors(schedule, n_steps))


def test_rise_longer_than_the_run_is_cut_off() -> None:
    assert factors(Cosine(warmup=2.0), 4) == [1 / 8, 2 / 8, 3 / 8, 4 / 8]


def test_rates_after_the_planned_end_stay_those_of_the_end() -> None:
    assert Cosine(floor=0.2).factor(99, N_STEPS, N_PER_EPOCH) == pytest.approx(0.2)
    assert LinearDecay(floor=0.2).factor(99, N_STEPS, N_PER_EPOCH) == pytest.approx(0.2)
    assert OneCycle(end=0.2).factor(99, N_STEPS, N_PER_EPOCH) == pytest.approx(0.2)


@pytest.mark.parametrize("schedule", [Cosine(), LinearDecay(), ExponentialDecay(decay=0.5)])
def test_rates_fall_all_the_way_without_a_rise(schedule: Schedule) -> None:
    assert all(a > b for a, b in pairwise(factors(schedule)))


def test_schedules_are_made_by_name() -> None:
    with Registry() as registry:
        registry.discover()
        modules = registry.get_service(MODULE_REGISTRY)

        known = [found.module_type for found in modules.find_by_category(ModuleCategory.SCHEDULE)]

        assert {"constant", "cosine", "linear_decay", "one_cycle", "step_decay"} <= set(known)
        assert modules.create("cosine", {"warmup": "2"}) == Cosine(warmup=2.0)
