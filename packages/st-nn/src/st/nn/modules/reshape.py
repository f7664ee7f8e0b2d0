"""The reshape module: the same numbers in another shape."""

from __future__ import annotations

from math import prod
from typing import Annotated

from msgspec import Meta

from st.nn.modules.base import Module, Scope
from st.nn.tape import ShapeError, Tensor


class Reshape(Module, frozen=True):
    """Lays the numbers of each example out as `shape`: `(batch, ...)` gives `(batch, *shape)`.

    No copy; C order. One length may be -1, which stands for what is left.
    """

    shape: Annotated[
        tuple[Annotated[int, Meta(ge=-1)], ...],
        Meta(
            max_length=16,
            description="The shape of one example, without the batch axis; one length may be -1.",
        ),
    ]

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        size, known = prod(x.shape[1:]), prod(n for n in self.shape if n != -1)
        n_open = self.shape.count(-1)
        if n_open > 1:
            raise ShapeError(f"the shape {self.shape} leaves {n_open} lengths open; one may be -1")
        if (known == 0 or size % known) if n_open else known != size:
            raise ShapeError(f"{size} numbers do not fit the shape {self.shape}")
        return x.reshape(x.shape[0], *(n if n != -1 else size // known for n in self.shape))
