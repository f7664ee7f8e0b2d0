"""The affine module: another unit for the same numbers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn.modules.base import Module, Scope
from st.nn.tape import Tensor


class Affine(Module, frozen=True):
    """Gives ``x * factor + offset``; x keeps its shape, and nothing is learned.

    As the last module it lets what comes before work with numbers around 0 while the loss, the
    metrics and the answers are in the unit of the target: `offset` near the target's mean, `factor`
    near its spread.
    """

    factor: Annotated[
        float, Meta(ge=-1e30, le=1e30, description="What every number is multiplied by.")
    ] = 1.0
    offset: Annotated[
        float, Meta(ge=-1e30, le=1e30, description="What is added to the product.")
    ] = 0.0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return x * self.factor + self.offset
