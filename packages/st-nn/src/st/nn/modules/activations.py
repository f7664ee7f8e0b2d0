"""Activations: modules without parameters that work element by element."""

from __future__ import annotations

from st.nn import ops
from st.nn.modules.base import Module, Scope
from st.nn.tape import Tensor


class Relu(Module, frozen=True):
    """Gives x where it is positive, else 0. Any shape."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return ops.relu(x)
