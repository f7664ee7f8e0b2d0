"""Modules for images `(batch, height, width, channels)`; grey ones may lack the last axis."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.init import kaiming_uniform, start
from st.nn.modules.base import Module, Scope
from st.nn.modules.linear import Init
from st.nn.tape import ShapeError, Tensor

Count = Annotated[int, Meta(ge=1)]
Padding = Annotated[int, Meta(ge=0)]


class Conv2d(Module, frozen=True):
    """Filters images with a square kernel and adds a bias.

    x `(batch, height, width, channels)` or `(batch, height, width)` gives
    `(batch, height', width', out_channels)` with
    height' = (height + 2 padding - dilation (kernel - 1) - 1) // stride + 1, and so the width.
    `weight` is `(kernel, kernel, channels / groups, out_channels)`, `bias` `(out_channels,)`;
    both start evenly between ±1/sqrt(inputs of a filter), the weight in another way where `init`
    says so.
    """

    out_channels: Annotated[Count, Meta(description="Filters, and so channels that come out.")]
    kernel: Annotated[Count, Meta(description="Rows and columns of a filter.")] = 3
    stride: Annotated[Count, Meta(description="How far apart windows begin.")] = 1
    padding: Annotated[Padding, Meta(description="Zeros on every side of the image.")] = 0
    dilation: Annotated[Count, Meta(description="How far apart a window's elements are.")] = 1
    groups: Annotated[Count, Meta(description="Parts of the channels; filters see theirs.")] = 1
    bias: Annotated[bool, Meta(description="Whether each channel gets a number added.")] = True
    init: Init = None

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        x = as_images(x)
        channels = x.shape[3]
        check_groups(self.groups, channels, self.out_channels)
        shape = (self.kernel, self.kernel, channels // self.groups, self.out_channels)
        y = ops.conv2d(
            x,
            scope.parameter("weight", shape, start(self.init, shape)),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        if not self.bias:
            return y
        fan_in = self.kernel * self.kernel * shape[2]
        return y + scope.parameter("bias", (self.out_channels,), kaiming_uniform(fan_in))


class MaxPool2d(Module, frozen=True):
    """Gives the largest in each window and channel; windows lie side by side without `stride`."""

    size: Annotated[Count, Meta(description="Rows and columns of a window.")] = 2
    stride: Annotated[Count | None, Meta(description="How far apart windows begin.")] = None
    padding: Annotated[Padding, Meta(description="Pixels around, which are never the largest.")] = 0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        x, around = as_images(x), self.padding
        return ops.max_pool2d(x, self.size, stride=self.stride, padding=around)


class AvgPool2d(Module, frozen=True):
    """Gives the mean of each window and channel; windows lie side by side without `stride`."""

    size: Annotated[Count, Meta(description="Rows and columns of a window.")] = 2
    stride: Annotated[Count | None, Meta(description="How far apart windows begin.")] = None
    padding: Annotated[Padding, Meta(description="Zeros around the image, which count.")] = 0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        x, around = as_images(x), self.padding
        return ops.avg_pool2d(x, self.size, stride=self.stride, padding=around)


def check_groups(groups: int, n_channels: int, n_filters: int) -> None:
    """Refuse groups that are not all of one size.

    Raises:
        ShapeError: They do not divide the channels, or not the filters.
    """
    if n_channels % groups or n_filters % groups:
        raise ShapeError(
            f"{groups} groups do not divide {n_channels} channels and {n_filters} filters"
        )


def as_images(x: Tensor) -> Tensor:
    """Return x with an axis of channels, one where there is none.

    Raises:
        ShapeError: x has too few axes for images, or too many.
    """
    if x.ndim == 3:
        return x.reshape(*x.shape, 1)
    if x.ndim != 4:
        raise ShapeError(f"input {x.shape[1:]} is no image (height, width[, channels])")
    return x
