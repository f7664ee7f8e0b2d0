"""Activations: modules without parameters. Any shape; softmax works along the last axis."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from st.nn import ops
from st.nn.modules.base import Module, Scope
from st.nn.tape import ShapeError, Tensor

Approximate = Annotated[
    Literal["none", "tanh"], Meta(description='"none": the exact function; "tanh": faster.')
]


class Relu(Module, frozen=True):
    """Gives x where it is positive, else 0."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.relu(x)


class Gelu(Module, frozen=True):
    """Gives x times the normal distribution function of x.

    Hendrycks and Gimpel 2016 (arXiv 1606.08415), section 2. The formula with tanh is within 5e-4.
    """

    approximate: Approximate = "none"

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.gelu(x, approximate=self.approximate)


class Silu(Module, frozen=True):
    """Gives x * sigmoid(x), also called swish."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.silu(x)


class Sigmoid(Module, frozen=True):
    """Gives 1 / (1 + e to the -x)."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.sigmoid(x)


class Softplus(Module, frozen=True):
    """Gives the logarithm of 1 + e to the x."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.softplus(x)


class Tanh(Module, frozen=True):
    """Gives the hyperbolic tangent."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.tanh(x)


class LeakyRelu(Module, frozen=True):
    """Gives x where it is positive, else slope * x; the slope at 0 is 1.

    Maas, Hannun, Ng: Rectifier Nonlinearities, 2013, section 2.
    """

    slope: Annotated[
        float, Meta(ge=0, le=1, description="By how much what is negative is multiplied.")
    ] = 0.01

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.maximum(x, x * self.slope)


class Softmax(Module, frozen=True):
    """Gives shares that add up to 1 along the last axis: e to the x, over the sum of all."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if x.ndim < 2:
            raise ShapeError("input has no features; an axis beside the batch is needed")
        return ops.softmax(x)
