"""The dropout module: leaves out numbers at random while it trains."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.modules.base import Module, Scope
from st.nn.tape import Tensor

Rate = Annotated[float, Meta(ge=0, lt=1, description="Share of the numbers left out in training.")]


class Dropout(Module, frozen=True):
    """Makes a share of the numbers 0 while it trains, and the rest larger by as much.

    Srivastava et al. 2014, Dropout. x of any shape keeps it; each number that stays is divided by
    1 - rate, so that predictions, which get x as it is, see the same mean. What is left out depends
    on the run's seed and the number of the step: it is the same after a run is resumed, and on
    every backend.
    """

    rate: Rate = 0.5

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if not scope.training or not self.rate:
            return x
        return ops.dropout(x, scope.random(x.shape), self.rate)
