"""Modules that bring rows to a common size."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.init import ones, zeros
from st.nn.modules.base import Module, Scope
from st.nn.tape import ShapeError, Tensor

Positive = Annotated[float, Meta(gt=0, description="Keeps what does not vary finite.")]


class LayerNorm(Module, frozen=True):
    """Brings the last axis to mean 0 and variance 1, then scales and shifts it.

    x `(batch, ..., n)` keeps its shape. `scale` and `shift` are `(n,)` and start as 1 and 0.
    """

    eps: Positive = 1e-5

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if x.ndim < 2:
            raise ShapeError("input has no features; an axis beside the batch is needed")
        scale = scope.parameter("scale", x.shape[-1:], ones())
        shift = scope.parameter("shift", x.shape[-1:], zeros())
        return ops.layer_norm(x, scale, shift, eps=self.eps)


class RmsNorm(Module, frozen=True):
    """Brings the last axis to root mean square 1, then scales it.

    x `(batch, ..., n)` keeps its shape. `scale` is `(n,)` and starts as 1.
    """

    eps: Positive = 1e-5

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if x.ndim < 2:
            raise ShapeError("input has no features; an axis beside the batch is needed")
        return ops.rms_norm(x, scope.parameter("scale", x.shape[-1:], ones()), eps=self.eps)
