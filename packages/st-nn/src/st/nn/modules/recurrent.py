"""Modules that read rows in their order and remember: LSTM and GRU.

Both have the parameters of PyTorch's layers of one direction, turned: `input_weight` is
`weight_ih_l0.T`, `hidden_weight` `weight_hh_l0.T`, the biases are those of the same names.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import ops
from st.nn.init import kaiming_uniform
from st.nn.modules.attention import as_rows
from st.nn.modules.base import Module, Scope
from st.nn.tape import Tensor

Hidden = Annotated[
    int, Meta(ge=1, description="Numbers that are remembered, and so come out of each row.")
]


class Lstm(Module, frozen=True):
    """Gives the state of a long short-term memory after each row; it begins with zeros.

    x `(batch, rows, features)` gives `(batch, rows, hidden)`. Equations: `st.nn.ops.lstm`. The
    gates i, f, g, o lie side by side: `input_weight` is `(features, 4 hidden)`, `hidden_weight`
    `(hidden, 4 hidden)`, `input_bias` and `hidden_bias` `(4 hidden,)`; all start evenly between
    ±1/sqrt(hidden).
    """

    hidden: Hidden

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        weight, bias = _of_state(scope, self.hidden, 4)
        return ops.lstm(_entering(x, scope, self.hidden, 4) + bias, weight).transpose(1, 0, 2)


class Gru(Module, frozen=True):
    """Gives the state of a gated recurrent unit after each row; it begins with zeros.

    x `(batch, rows, features)` gives `(batch, rows, hidden)`. Equations: `st.nn.ops.gru`. The
    gates r, z, n lie side by side: `input_weight` is `(features, 3 hidden)`, `hidden_weight`
    `(hidden, 3 hidden)`, `input_bias` and `hidden_bias` `(3 hidden,)`; all start evenly between
    ±1/sqrt(hidden).
    """

    hidden: Hidden

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        weight, bias = _of_state(scope, self.hidden, 3)
        return ops.gru(_entering(x, scope, self.hidden, 3), weight, bias).transpose(1, 0, 2)


def _of_state(scope: Scope, hidden: int, n_gates: int) -> tuple[Tensor, Tensor]:
    """Return the weight and the bias of the state."""
    start = kaiming_uniform(hidden)
    return (
        scope.parameter("hidden_weight", (hidden, n_gates * hidden), start),
        scope.parameter("hidden_bias", (n_gates * hidden,), start),
    )


def _entering(x: Tensor, scope: Scope, hidden: int, n_gates: int) -> Tensor:
    """Return what the rows put into the gates, `(rows, batch, n_gates hidden)`: one product."""
    n, rows, features = as_rows(x)
    start = kaiming_uniform(hidden)
    weight = scope.parameter("input_weight", (features, n_gates * hidden), start)
    bias = scope.parameter("input_bias", (n_gates * hidden,), start)
    flat = x.transpose(1, 0, 2).reshape(rows * n, features)
    return (ops.matmul(flat, weight) + bias).reshape(rows, n, n_gates * hidden)
