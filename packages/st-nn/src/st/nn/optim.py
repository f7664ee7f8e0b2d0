"""Optimizers: how a step changes the parameters.

They work on flat vectors, so the number of calls does not grow with the number of parameters.
What changes from step to step comes in as inputs, which `scalars` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import sqrt
from typing import Annotated

import msgspec
from msgspec import Meta

from st.core.errors import StError
from st.nn import ops
from st.nn.tape import Tensor

_HIGHEST = 1e30
"""Float32 holds this, and what a bias correction makes of it."""

_KEPT_NORMAL = 1e-30
"""Added to running sums, which changes none that counts. Without it a sum whose gradient stays 0
fades into subnormal numbers, with which processors are slow: on digits a step took 148 us instead
of 336 after 1000 steps, and every bit of the parameters was the same after 8000."""

Positive = Annotated[float, Meta(gt=0, le=_HIGHEST)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[
    float, Meta(gt=0, le=_HIGHEST, description="The learning rate: how far a step goes.")
]


Decay = Annotated[float, Meta(ge=0, description="Share of the parameters that is taken away.")]
Clip = Annotated[
    Annotated[float, Meta(gt=0)] | None,
    Meta(description="Largest norm of the whole gradient; a larger one is scaled down to it."),
]


class GroupError(StError, ValueError):
    """A group of parameters that is none: no parameter has such a name."""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters that are changed in a way of their own."""

    match: Annotated[
        str,
        Meta(min_length=1, description='Their names, * for any text: "*.bias", "0.*".'),
    ]
    lr_scale: Annotated[
        float, Meta(ge=0, le=_HIGHEST, description="What their rate is multiplied by; 0: frozen.")
    ] = 1.0
    weight_decay: Annotated[
        Decay | None, Meta(description="Their weight decay; the optimizer's unless given.")
    ] = None


Groups = Annotated[
    tuple[Group, ...],
    Meta(description="Parameters with a rate or a decay of their own; the first match counts."),
]


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of optimizers. Clipping and groups are done around `update`, for all of them."""

    lr: Rate
    clip_norm: Clip = None
    groups: Groups = ()

    def __post_init__(self) -> None:
        decays = "weight_decay" in self.__struct_fields__
        if not decays and any(group.weight_decay is not None for group in self.groups):
            raise ValueError(f"{type(self).__name__} has no weight_decay that a group could set")

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
        """Overwrite `parameters` and the vectors of `state`, all flat and of one length.

        With groups it is called for the parameters of each group, with what `scalars` gives for it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update")


@dataclass(frozen=True)
class Part:
    """Parameters that one optimizer changes alike.

    Attributes:
        names: Which.
        optimizer: How; without groups.
        lr_scale: What their rate is multiplied by.
    """

    names: tuple[str, ...]
    optimizer: Optimizer
    lr_scale: float = 1.0


def parts(optimizer: Optimizer, names: Iterable[str]) -> tuple[Part, ...]:
    """Return the parameters of each group, and before them those of none; no part is empty.

    Raises:
        GroupError: No parameter has the name that a group asks for.
    """
    names = tuple(names)
    rest = msgspec.structs.replace(optimizer, groups=())
    members: list[list[str]] = [[] for _ in (rest, *optimizer.groups)]
    for name in names:
        of = (n for n, group in enumerate(optimizer.groups, 1) if fnmatchcase(name, group.match))
        members[next(of, 0)].append(name)
    found = [Part(tuple(members[0]), rest)]
    for group, own in zip(optimizer.groups, members[1:], strict=True):
        if not any(fnmatchcase(name, group.match) for name in names):
            raise GroupError(
                f"no parameter is called {group.match!r}; there are {', '.join(names) or 'none'}"
            )
        changed = {} if group.weight_decay is None else {"weight_decay": group.weight_decay}
        found.append(Part(tuple(own), msgspec.structs.replace(rest, **changed), group.lr_scale))
    return tuple(part for part in found if part.names)


def clipped(gradient: Tensor, limit: float | None) -> Tensor:
    """Return a flat gradient no longer than `limit`: g * min(1, limit / (norm + 1e-6)).

    Pascanu, Mikolov, Bengio 2013 (arXiv 1211.5063), algorithm 1, with the small number PyTorch
    adds. None changes nothing.
    """
    if limit is None:
        return gradient
    norm = ops.sqrt(ops.sum(gradient * gradient))
    return gradient * ops.minimum(limit / (norm + 1e-6), 1.0)


class SGD(Optimizer, frozen=True):
    """Gradient descent, with PyTorch's momentum: b = momentum * b + g, p = p - lr * b.

    With `nesterov` the step looks ahead: p = p - lr * (g + momentum * b); Sutskever et al. 2013.
    `weight_decay` adds that share of the parameters to the gradient.
    """

    momentum: Annotated[Fraction, Meta(description="Share of the last step that is kept.")] = 0.0
    nesterov: Annotated[bool, Meta(description="Whether the gradient is taken ahead.")] = False
    weight_decay: Decay = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")

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
        if self.weight_decay:
            gradient = gradient + parameters * self.weight_decay
        direction = gradient
        if self.momentum:
            direction = state["momentum"]
            ops.mul(direction, self.momentum, out=direction)
            ops.add(direction, _KEPT_NORMAL, out=direction)
            ops.add(direction, gradient, out=direction)
            if self.nesterov:
                direction = gradient + direction * self.momentum
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
        rate, epsilon = scalars[:2]
        ops.mul(first, self.beta1, out=first)
        ops.add(first, _KEPT_NORMAL, out=first)
        ops.add(first, gradient, out=first)
        ops.mul(second, self.beta2, out=second)
        ops.add(second, _KEPT_NORMAL, out=second)
        ops.add(second, gradient * gradient, out=second)
        ops.sub(parameters, first / (ops.sqrt(second) + epsilon) * rate, out=parameters)


class AdamW(Adam, frozen=True):
    """Adam that takes a share of the parameters away beside its step: p = p - lr * decay * p.

    Loshchilov and Hutter 2019 (arXiv 1711.05101), algorithm 2.
    """

    weight_decay: Decay = 0.01

    def scalars(self, step: int, lr: float) -> tuple[float, ...]:
        """Return those of Adam, and what is left of the parameters."""
        return (*super().scalars(step, lr), 1.0 - lr * self.weight_decay)

    def update(
        self,
        parameters: Tensor,
        gradient: Tensor,
        state: Mapping[str, Tensor],
        scalars: Sequence[Tensor],
    ) -> None:
        """See `Optimizer.update`."""
        ops.mul(parameters, scalars[2], out=parameters)
        super().update(parameters, gradient, state, scalars)
