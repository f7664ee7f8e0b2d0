"""Modules made of modules: one after another, around a shortcut, side by side, merged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Literal

from msgspec import Meta

from st.core.backend import Spec
from st.nn import ops
from st.nn.modules.base import Module, Scope
from st.nn.modules.chain import bare
from st.nn.tape import ShapeError, Tensor

Modules = Annotated[tuple[Module, ...], Meta(min_length=1, description="The modules, in order.")]
How = Annotated[
    Literal["concat", "add", "multiply"],
    Meta(description="One after another along the last axis, or element by element."),
]


class Sequential(Module, frozen=True):
    """Feeds each of its modules with what the one before it gives."""

    modules: Modules

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return scope.chain(self.modules, x)

    def accepts(self, given: Spec) -> Spec | None:
        """See `Module.accepts`."""
        return bare(self.modules[0]).accepts(given)


class Residual(Module, frozen=True):
    """Gives x + f(x), where f is its modules one after another; f keeps the shape.

    He, Zhang, Ren, Sun: Deep Residual Learning, 2016 (arXiv 1512.03385), equation 1.
    """

    modules: Modules

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        y = scope.chain(self.modules, x)
        if y.shape != x.shape:
            raise ShapeError(
                f"the modules turn {shown(x)} into {shown(y)}; for a sum both have one shape"
            )
        return x + y

    def accepts(self, given: Spec) -> Spec | None:
        """See `Module.accepts`."""
        return bare(self.modules[0]).accepts(given)


class Parallel(Module, frozen=True):
    """Feeds each of its modules with x, and puts what they give together."""

    modules: Modules
    how: How = "concat"

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return merged(scope.each(self.modules, x), self.how)

    def accepts(self, given: Spec) -> Spec | None:
        """See `Module.accepts`."""
        stated = (bare(module).accepts(given) for module in self.modules)
        return next((accepted for accepted in stated if accepted is not None), None)


class Merge(Module, frozen=True):
    """Puts several inputs together: in a description, those that ``inputs`` names."""

    how: How = "concat"

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """Return x: of one input there is nothing to merge."""
        return x

    def join(self, inputs: Sequence[Tensor], scope: Scope) -> Tensor:
        """See `Module.join`."""
        return merged(inputs, self.how)


def merged(tensors: Sequence[Tensor], how: str) -> Tensor:
    """Return `tensors` one after another along the last axis, their sum, or their product.

    Raises:
        ShapeError: The shapes differ: beside the last axis, or at all for sum and product.
    """
    if how == "concat":
        return ops.concat(tensors, -1)
    if len({x.shape for x in tensors}) > 1:
        shapes = ", ".join(map(shown, tensors))
        raise ShapeError(f"the shapes are {shapes}; to {how} they have to be the same")
    return reduce(ops.add if how == "add" else ops.mul, tensors)


def shown(x: Tensor) -> str:
    """Return the shape of `x` with ``b`` for the batch axis."""
    return f"({','.join(['b', *map(str, x.shape[1:])])})"
