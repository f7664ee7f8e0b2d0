"""The batch norm module: brings each channel of a batch to mean 0 and variance 1."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.init import ones, zeros
from st.nn.modules.base import Module, Scope
from st.nn.modules.normalisation import Positive
from st.nn.tape import ShapeError, Tensor

Share = Annotated[float, Meta(ge=0, le=1, description="Weight of a batch in the running state.")]


class BatchNorm(Module, frozen=True):
    """Brings each channel of a batch to mean 0 and variance 1, then scales and shifts it.

    Ioffe and Szegedy 2015 (arXiv 1502.03167). x `(batch, ..., channels)` keeps its shape: channels
    are the last axis, of rows and images alike. `scale` and `shift` are `(channels,)` and start as
    1 and 0.

    While it trains it also keeps a running `mean` and `variance`, `(channels,)`, beside the
    parameters: running = (1 - momentum) running + momentum batch, with the variance divided by
    n - 1, as PyTorch does. Predictions use these. So does a training step with a single number in
    each channel, which tells no variance; the running state stays as it is then.
    """

    momentum: Share = 0.1
    eps: Positive = 1e-5

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if x.ndim < 2:
            raise ShapeError("input has no channels; an axis beside the batch is needed")
        channels = x.shape[-1:]
        scale = scope.parameter("scale", channels, ones())
        shift = scope.parameter("shift", channels, zeros())
        mean = scope.state("mean", channels, zeros())
        variance = scope.state("variance", channels, ones())
        n = x.spec.size // channels[0] if channels[0] else 0
        if not scope.training or n == 1:
            return ops.batch_norm_fixed(x, scale, shift, mean, variance, eps=self.eps)
        y, batch_mean, batch_variance = ops.batch_norm(x, scale, shift, eps=self.eps)
        scope.assign("mean", mean * (1.0 - self.momentum) + batch_mean * self.momentum)
        unbiased = batch_variance * (self.momentum * n / (n - 1))
        scope.assign("variance", variance * (1.0 - self.momentum) + unbiased)
        return y
