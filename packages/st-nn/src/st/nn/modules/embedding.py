"""The embedding module: a vector for each number."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.init import Normal
from st.nn.modules.base import Module, Scope
from st.nn.tape import FLOATS, Tensor


class Embedding(Module, frozen=True):
    """Gives the row of a table for each whole number: `(batch, ...)` gives `(batch, ..., width)`.

    `weight` is `(n_rows, width)` and starts normal with deviation 1, as PyTorch's. Floating input
    is rounded towards 0. Input outside 0 to n_rows - 1 is refused where it enters the model; what
    is computed inside gives the first or the last row then.
    """

    n_rows: Annotated[int, Meta(ge=1, description="How many numbers there are: 0 to n_rows - 1.")]
    width: Annotated[int, Meta(ge=1, description="Length of the vector of each number.")]

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        weight = scope.parameter("weight", (self.n_rows, self.width), Normal(1.0))
        return ops.take(weight, ops.cast(x, "int64") if x.dtype in FLOATS else x)
