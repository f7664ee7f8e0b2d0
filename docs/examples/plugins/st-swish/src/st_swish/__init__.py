"""The module `swish`: experiment files name it, and so can any program."""

from __future__ import annotations

from st.core import Plugin
from st.nn import ops
from st.nn.modules import Module, Scope
from st.nn.tape import Tensor


class Swish(Module):
    """Gives x · sigmoid(beta · x), which is smooth and slightly negative left of 0. Any shape.

    Ramachandran, Zoph, Le: Searching for Activation Functions, 2017 (arXiv 1710.05941).
    """

    beta: float = 1.0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        # sigmoid(z) = (1 + tanh(z / 2)) / 2 cannot overflow, unlike 1 / (1 + exp(-z)).
        return 0.5 * x * (1.0 + ops.tanh(0.5 * self.beta * x))


class SwishPlugin(Plugin):
    """Nothing to do when loading: the manifest already says where the module is."""
