"""Modules for rows in an order, `(batch, rows, width)`: attention, positions, transformer."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from st.nn import ops
from st.nn.modules.activations import Approximate, Gelu
from st.nn.modules.base import Module, Scope
from st.nn.modules.dropout import Dropout, Rate
from st.nn.modules.linear import Linear
from st.nn.modules.normalisation import LayerNorm
from st.nn.tape import ShapeError, Tensor

Heads = Annotated[int, Meta(ge=1, description="Parts the width is divided into.")]
Causal = Annotated[bool, Meta(description="Whether a row sees only itself and those before it.")]


_MOST_WAVES = 1 << 26
"""Numbers that `positions` adds, at most: half a gigabyte while they are worked out."""


class MultiHeadAttention(Module, frozen=True):
    """Gives each row what it finds in all rows: `(batch, rows, width)` keeps its shape.

    Vaswani et al. 2017 (arXiv 1706.03762), section 3.2.2, with a query, key and value of
    width / heads numbers each. Inside are the linear modules `query`, `key`, `value`, `output`.
    """

    heads: Heads
    causal: Causal = False

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        n, rows, width = as_rows(x)
        if width % self.heads:
            raise ShapeError(f"{self.heads} heads do not divide a width of {width}")
        linear = Linear(out_features=width)

        def divided(name: str) -> Tensor:
            y = scope.apply(name, linear, x)
            return y.reshape(n, rows, self.heads, width // self.heads).transpose(0, 2, 1, 3)

        y = ops.attention(divided("query"), divided("key"), divided("value"), causal=self.causal)
        return scope.apply("output", linear, y.transpose(0, 2, 1, 3).reshape(n, rows, width))


class Positions(Module, frozen=True):
    """Adds sines and cosines of where a row stands; without them all orders are the same.

    Vaswani et al. 2017, section 3.5: sin(p / 10000^(2i / width)) and the cosine in turn.
    """

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        _, rows, width = as_rows(x)
        if rows * width > _MOST_WAVES:
            raise ShapeError(f"{rows} rows of {width} are more than {_MOST_WAVES} numbers")
        return x + x.tape.constant(_waves(rows, width).astype(x.dtype), "positions")


class TransformerBlock(Module, frozen=True):
    """Gives y + mlp(norm(y)) for y = x + attention(norm(x)); `(batch, rows, width)` stays.

    The norms come first, as in Xiong et al. 2020 (arXiv 2002.04745); the mlp is two linear modules
    around a gelu, which `approximate` tells how to compute. With `dropout`, what attention and mlp
    add loses that share of its numbers while it trains.
    """

    heads: Heads
    expansion: Annotated[int, Meta(ge=1, description="Widths inside the mlp.")] = 4
    causal: Causal = False
    approximate: Approximate = "none"
    dropout: Rate = 0.0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        width = as_rows(x)[2]
        norm = LayerNorm()
        attention = MultiHeadAttention(heads=self.heads, causal=self.causal)
        y = scope.apply("attention", attention, scope.apply("first_norm", norm, x))
        x = x + self._dropped("first_dropout", y, scope)
        y = scope.apply("second_norm", norm, x)
        y = scope.apply("wide", Linear(out_features=self.expansion * width), y)
        y = scope.apply("gelu", Gelu(approximate=self.approximate), y)
        y = scope.apply("narrow", Linear(out_features=width), y)
        return x + self._dropped("second_dropout", y, scope)

    def _dropped(self, name: str, y: Tensor, scope: Scope) -> Tensor:
        return scope.apply(name, Dropout(rate=self.dropout), y) if self.dropout else y


def as_rows(x: Tensor) -> tuple[int, int, int]:
    """Return the three lengths of `x`.

    Raises:
        ShapeError: x has not three axes.
    """
    if x.ndim != 3:
        raise ShapeError(f"input {x.shape[1:]} is not (rows, width)")
    n, rows, width = x.shape
    return n, rows, width


def _waves(rows: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rates = 10000.0 ** (-2.0 * (np.arange(width) // 2) / width)
    angles = np.arange(rows)[:, None] * rates
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles))
