"""Activations: modules without parameters that work element by element. Any shape."""

from __future__ import annotations

from st.nn import ops
from st.nn.modules.base import Module, Scope
from st.nn.tape import Tensor


class Relu(Module, frozen=True):
    """Gives x where it is positive, else 0."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.relu(x)


class Gelu(Module, frozen=True):
    """Gives x times the normal distribution function of x, by the formula with tanh."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.gelu(x)


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
