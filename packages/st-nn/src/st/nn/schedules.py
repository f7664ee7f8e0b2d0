"""Schedules: what the learning rate of an optimizer is multiplied by, step after step.

>>> from st.nn.schedules import Cosine
>>> schedule = Cosine(warmup=1.0)
>>> [round(schedule.factor(step, n_steps=12, n_per_epoch=4), 2) for step in (1, 4, 5, 9, 12)]
[0.25, 1.0, 1.0, 0.5, 0.04]

Who trains asks before every step: `step.learning_rate = optimizer.lr * schedule.factor(...)`.
"""

from __future__ import annotations

from math import cos, pi
from typing import Annotated

import msgspec
from msgspec import Meta

Epochs = Annotated[
    float, Meta(ge=0, le=1e9, description="Epochs in which the rate rises in a line from 0.")
]
Floor = Annotated[float, Meta(ge=0, le=1, description="What is left of the rate at the end.")]
Decay = Annotated[float, Meta(gt=0, le=1, description="What the rate is multiplied by each time.")]
Share = Annotated[float, Meta(gt=0, lt=1, description="Share of the run in which the rate rises.")]
End = Annotated[float, Meta(gt=0, le=1)]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of schedules: the fields are the schema of experiment files, `factor` is the rest."""

    def factor(self, step: int, n_steps: int, n_per_epoch: int) -> float:
        """Return what the rate of one step is multiplied by; a function of nothing else.

        Args:
            step: Which step of the run, counted from 1.
            n_steps: Steps of the whole run, 1 or more.
            n_per_epoch: Steps of one epoch, 1 or more.
        """
        raise NotImplementedError(f"{type(self).__name__} has no factor")


class Constant(Schedule, frozen=True):
    """Leaves the rate as it is, but for a rise in the beginning, where one is asked for.

    The rise is step / steps of it, so that no step has the rate 0. It comes before whatever the
    schedules made from this one do; they take place in the rest of the run.
    """

    warmup: Epochs = 0.0

    def factor(self, step: int, n_steps: int, n_per_epoch: int) -> float:
        """See `Schedule.factor`."""
        rise = round(self.warmup * n_per_epoch)
        if step <= rise:
            return step / rise
        return self.after(step - rise - 1, max(n_steps - rise, 1), n_per_epoch)

    def after(self, done: int, n_steps: int, n_per_epoch: int) -> float:
        """Return the factor when `done` of the `n_steps` steps after the rise are over."""
        return 1.0


class StepDecay(Constant, frozen=True, kw_only=True):
    """Multiplies the rate by `decay` after every so many epochs; PyTorch's StepLR."""

    every: Annotated[float, Meta(gt=0, le=1e9, description="Epochs from one time to the next.")]
    decay: Decay = 0.1

    def after(self, done: int, n_steps: int, n_per_epoch: int) -> float:
        """See `Constant.after`."""
        return float(self.decay ** (done // max(round(self.every * n_per_epoch), 1)))


class ExponentialDecay(Constant, frozen=True, kw_only=True):
    """Multiplies the rate by `decay` in every epoch, a little in each step.

    After whole epochs it is what PyTorch's ExponentialLR gives, which changes it only there.
    """

    decay: Decay

    def after(self, done: int, n_steps: int, n_per_epoch: int) -> float:
        """See `Constant.after`."""
        return float(self.decay ** (done / n_per_epoch))


class LinearDecay(Constant, frozen=True):
    """Lets the rate fall in a straight line, to `floor` when the last step is over."""

    floor: Floor = 0.0

    def after(self, done: int, n_steps: int, n_per_epoch: int) -> float:
        """See `Constant.after`."""
        return 1 - (1 - self.floor) * min(done / n_steps, 1.0)


class Cosine(Constant, frozen=True):
    """Lets the rate fall as half a cosine, to `floor` when the last step is over.

    Loshchilov and Hutter 2017 (arXiv 1608.03983), equation 5, without restarts; PyTorch's
    CosineAnnealingLR, asked at every step.
    """

    floor: Floor = 0.0

    def after(self, done: int, n_steps: int, n_per_epoch: int) -> float:
        """See `Constant.after`."""
        return _between(1.0, self.floor, min(done / n_steps, 1.0))


class OneCycle(Schedule, frozen=True):
    """Lets the rate rise from a share of it to the whole, and fall to nearly nothing.

    Smith and Topin 2018 (arXiv 1708.07120), both ways half a cosine, as PyTorch's OneCycleLR with
    ``cycle_momentum=False``: `start` is 1 / div_factor, `end` that over final_div_factor.
    """

    rise: Share = 0.3
    start: Annotated[End, Meta(description="What the first step has of the rate.")] = 0.04
    end: Annotated[End, Meta(description="What the last step has of the rate.")] = 4e-6

    def factor(self, step: int, n_steps: int, n_per_epoch: int) -> float:
        """See `Schedule.factor`."""
        top, done = max(self.rise * n_steps - 1, 0.0), step - 1
        if done <= top:
            return _between(self.start, 1.0, done / top if top else 1.0)
        return _between(1.0, self.end, min((done - top) / (n_steps - 1 - top), 1.0))


def _between(first: float, last: float, share: float) -> float:
    """Return what lies on half a cosine from `first` to `last`; share is from 0 to 1."""
    return last + (first - last) * (1 + cos(pi * share)) / 2
