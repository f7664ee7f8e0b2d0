"""Schedules: how the learning rate changes, as functions from the step to a factor.

Multiply an optimizer's rate by what they give before each step, for example in a listener:

>>> from st.nn.schedules import cosine, warmup
>>> factor = warmup(4, cosine(12))
>>> [round(factor(step), 3) for step in (1, 2, 4, 8, 16)]
[0.25, 0.5, 1.0, 0.75, 0.0]
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi
from typing import TypeAlias

Schedule: TypeAlias = Callable[[int], float]
"""Gives the factor of a step; steps count from 1."""


def constant() -> Schedule:
    """Return the schedule that changes nothing."""
    return lambda step: 1.0


def cosine(n_steps: int, floor: float = 0.0) -> Schedule:
    """Return half a cosine from 1 down to `floor` at `n_steps`, and `floor` from there on.

    Loshchilov and Hutter 2017 (arXiv 1608.03983), equation 5, without restarts.
    """
    return lambda step: floor + (1 - floor) * (1 + cos(pi * min(step / n_steps, 1.0))) / 2


def linear(n_steps: int, floor: float = 0.0) -> Schedule:
    """Return a straight line from 1 down to `floor` at `n_steps`, and `floor` from there on."""
    return lambda step: 1 - (1 - floor) * min(step / n_steps, 1.0)


def steps(every: int, factor: float) -> Schedule:
    """Return 1, multiplied by `factor` after every `every` steps."""
    return lambda step: factor ** ((step - 1) // every)


def warmup(n_steps: int, then: Schedule) -> Schedule:
    """Return a straight line up to 1 at `n_steps`, and after that `then`, counted from 1 again."""
    return lambda step: step / n_steps if step <= n_steps else then(step - n_steps)
