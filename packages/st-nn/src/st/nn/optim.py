"""Optimizers: how a step changes the parameters.

They work on flat vectors, so the number of calls does not grow with the number of parameters.
What changes from step to step comes in as inputs, which `scalars` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Annotated

import msgspec
from msgspec import Meta

from st.nn import ops
from st.nn.tape import Tensor

_HIGHEST = 1e30
"""Float32 holds this, and what a bias correction makes of it."""

Positive = Annotated[float, Meta(gt=0, le=_HIGHEST)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[
    float, Meta(gt=0, le=_HIGHEST, description="The learning rate: how far a step goes.")
]


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of optimizers."""

    lr: Rate

    def vectors(self) -> tuple[str, ...]:
        """Return the names of the state vectors, each as long as the parameters, 0 at first."""
        return ()

    def scalars(self, step: int, lr: float) -> tuple[float, ...]:
        """Return what changes from step to step; `step` counts from 1, `lr` is this step's rate."""
        return (lr,)

    def update(
        self,
        parameters: Tensor,
        gradient: Tensor,
        state: Mapping[str, Tensor],
        scalars: Sequence[Tensor],
    ) -> None:
        """Overwrite `parameters` and the vectors of `state`, all flat and of one length."""
        raise NotImplementedError(f"{type(self).__name__} has no update")


class SGD(Optimizer, frozen=True):
    """Gradient descent, with PyTorch's momentum: b = momentum * b + g, p = p - lr * b."""

    momentum: Annotated[Fraction, Meta(description="Share of the last step that is kept.")] = 0.0

    def vectors(self) -> tuple[str, ...]:
        """See `Optimizer.vectors`."""
        return ("momentum",) if self.momentum else ()

    def update(
        self,
        parameters: Tensor,
        gradient: Tensor,
        state: Mapping[str, Tensor],
        scalars: Sequence[Tensor],
    ) -> None:
        """See `Optimizer.update`."""
        direction = gradient
        if self.momentum:
            direction = state["momentum"]
            ops.mul(direction, self.momentum, out=direction)
            ops.add(direction, gradient, out=direction)
        ops.sub(parameters, direction * scalars[0], out=parameters)


class Adam(Optimizer, frozen=True):
    """Adam (Kingma and Ba 2015, algorithm 1), with PyTorch's epsilon behind the root.

    The state vectors are weighted sums, not means: the factors 1 - beta are in the scalars, which
    saves two passes over memory. `sum` is PyTorch's exp_avg / (1 - beta1), `square_sum` its
    exp_avg_sq / (1 - beta2).
    """

    lr: Rate = 1e-3
    beta1: Annotated[Fraction, Meta(description="Share of the mean gradient that is kept.")] = 0.9
    beta2: Annotated[Fraction, Meta(description="Share of the mean square that is kept.")] = 0.999
    epsilon: Annotated[Positive, Meta(description="Added to the root of the mean square.")] = 1e-8

    def vectors(self) -> tuple[str, ...]:
        """See `Optimizer.vectors`."""
        return ("sum", "square_sum")

    def scalars(self, step: int, lr: float) -> tuple[float, ...]:
        """Return rate and epsilon, with bias correction and the factors 1 - beta in them."""
        scale = sqrt((1 - self.beta2) / (1 - self.beta2**step))
        rate = lr * (1 - self.beta1) / (1 - self.beta1**step)
        return rate / scale, self.epsilon / scale

    def update(
        self,
        parameters: Tensor,
        gradient: Tensor,
        state: Mapping[str, Tensor],
        scalars: Sequence[Tensor],
    ) -> None:
        """See `Optimizer.update`."""
        first, second = state["sum"], state["square_sum"]
        rate, epsilon = scalars
        ops.mul(first, self.beta1, out=first)
        ops.add(first, gradient, out=first)
        ops.mul(second, self.beta2, out=second)
        ops.add(second, gradient * gradient, out=second)
        ops.sub(parameters, first / (ops.sqrt(second) + epsilon) * rate, out=parameters)
