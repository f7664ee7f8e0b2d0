from itertools import pairwise
from math import cos, pi

import pytest

from st.nn.schedules import Schedule, constant, cosine, linear, steps, warmup


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (constant(), [1.0, 1.0, 1.0, 1.0]),
        (cosine(4), [(1 + cos(pi * n / 4)) / 2 for n in (1, 2, 3)] + [0.0]),
        (cosine(2, floor=0.5), [0.75, 0.5, 0.5, 0.5]),
        (linear(4), [0.75, 0.5, 0.25, 0.0]),
        (linear(2, floor=0.2), [0.6, 0.2, 0.2, 0.2]),
        (steps(2, 0.1), [1.0, 1.0, 0.1, 0.1]),
        (warmup(2, linear(2)), [0.5, 1.0, 0.5, 0.0]),
    ],
    ids=["constant", "cosine", "cosine floor", "linear", "linear floor", "steps", "warmup"],
)
def test_factors_follow_the_formula(schedule: Schedule, expected: list[float]) -> None:
    assert [schedule(step) for step in (1, 2, 3, 4)] == pytest.approx(expected)


@pytest.mark.parametrize(
    "schedule", [cosine(50), linear(50), steps(7, 0.5)], ids=["cosine", "linear", "steps"]
)
def test_rates_never_rise_without_warmup(schedule: Schedule) -> None:
    assert all(a >= b for a, b in pairwise(map(schedule, range(1, 80))))
