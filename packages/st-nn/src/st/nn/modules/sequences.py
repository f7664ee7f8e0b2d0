"""Modules for rows in an order, `(batch, rows, channels)`: filters, pools, one vector of all."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.init import Normal, kaiming_uniform, start
from st.nn.modules.attention import as_rows
from st.nn.modules.base import Module, Scope
from st.nn.modules.images import Count, Padding, check_groups
from st.nn.modules.linear import Init
from st.nn.tape import ShapeError, Tensor


class Conv1d(Module, frozen=True):
    """Filters rows in their order and adds a bias.

    x `(batch, rows, channels)` gives `(batch, rows', out_channels)` with
    rows' = (rows + 2 padding - dilation (kernel - 1) - 1) // stride + 1. `weight` is
    `(kernel, channels / groups, out_channels)`, `bias` `(out_channels,)`; both start evenly
    between ±1/sqrt(inputs of a filter), the weight in another way where `init` says so.
    """

    out_channels: Annotated[Count, Meta(description="Filters, and so channels that come out.")]
    kernel: Annotated[Count, Meta(description="Rows of a filter.")] = 3
    stride: Annotated[Count, Meta(description="How far apart windows begin.")] = 1
    padding: Annotated[Padding, Meta(description="Zeros before the first and after the last.")] = 0
    dilation: Annotated[Count, Meta(description="How far apart a window's rows are.")] = 1
    groups: Annotated[Count, Meta(description="Parts of the channels; filters see theirs.")] = 1
    bias: Annotated[bool, Meta(description="Whether each channel gets a number added.")] = True
    init: Init = None

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        n, rows, channels = as_rows(x)
        check_groups(self.groups, channels, self.out_channels)
        shape = (self.kernel, channels // self.groups, self.out_channels)
        weight = scope.parameter("weight", shape, start(self.init, shape))
        y = ops.conv2d(
            x.reshape(n, rows, 1, channels),
            weight.reshape(self.kernel, 1, *shape[1:]),
            stride=(self.stride, 1),
            padding=(self.padding, 0),
            dilation=(self.dilation, 1),
            groups=self.groups,
        )
        y = y.reshape(n, y.shape[1], self.out_channels)
        if not self.bias:
            return y
        start_of_bias = kaiming_uniform(self.kernel * shape[1])
        return y + scope.parameter("bias", (self.out_channels,), start_of_bias)


class MaxPool1d(Module, frozen=True):
    """Gives the largest in each window of rows and channel; side by side without `stride`."""

    size: Annotated[Count, Meta(description="Rows of a window.")] = 2
    stride: Annotated[Count | None, Meta(description="How far apart windows begin.")] = None
    padding: Annotated[Padding, Meta(description="Rows around, which are never the largest.")] = 0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        n, rows, channels = as_rows(x)
        size, stride = (self.size, 1), (self.stride or self.size, 1)
        image = x.reshape(n, rows, 1, channels)
        y = ops.max_pool2d(image, size, stride=stride, padding=(self.padding, 0))
        return y.reshape(n, y.shape[1], channels)


class AvgPool1d(Module, frozen=True):
    """Gives the mean of each window of rows and channel; side by side without `stride`."""

    size: Annotated[Count, Meta(description="Rows of a window.")] = 2
    stride: Annotated[Count | None, Meta(description="How far apart windows begin.")] = None
    padding: Annotated[Padding, Meta(description="Rows of zeros around, which count.")] = 0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        n, rows, channels = as_rows(x)
        size, stride = (self.size, 1), (self.stride or self.size, 1)
        image = x.reshape(n, rows, 1, channels)
        y = ops.avg_pool2d(image, size, stride=stride, padding=(self.padding, 0))
        return y.reshape(n, y.shape[1], channels)


class GlobalAvgPool(Module, frozen=True):
    """Gives the mean of each channel over all rows, or all of an image.

    x `(batch, ..., channels)` gives `(batch, channels)`.
    """

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if x.ndim < 3:
            raise ShapeError(f"input {x.shape[1:]} has nothing to average beside its channels")
        return ops.mean(x, tuple(range(1, x.ndim - 1)))


class LastStep(Module, frozen=True):
    """Gives the last row: `(batch, rows, width)` gives `(batch, width)`. No copy."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        as_rows(x)
        return x[:, -1]


class LearnedPositions(Module, frozen=True):
    """Adds a learned vector that tells where a row stands: `(batch, rows, width)` stays.

    `weight` is `(rows, width)` and starts normal with deviation 0.02, as GPT-2's.
    """

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        as_rows(x)
        return x + scope.parameter("weight", x.shape[1:], Normal(0.02))
