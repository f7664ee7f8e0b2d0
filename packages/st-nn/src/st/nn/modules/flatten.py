"""The flatten module: one axis beside the batch."""

from __future__ import annotations

from st.nn.modules.base import Module, Scope
from st.nn.tape import Tensor


class Flatten(Module, frozen=True):
    """Lays all axes but the batch in a row: `(batch, ...)` gives `(batch, features)`. No copy."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return x.reshape(x.shape[0], x.spec.size // x.shape[0])
