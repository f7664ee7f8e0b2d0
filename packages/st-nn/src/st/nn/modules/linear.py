"""The linear module: x @ weight + bias."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.core.backend import Spec, spec
from st.nn import ops
from st.nn.init import Start, kaiming_uniform, start
from st.nn.modules.base import Module, Scope
from st.nn.tape import ShapeError, Tensor

Init = Annotated[
    Start | None, Meta(description="How the weight starts; as PyTorch's unless given.")
]


class Linear(Module, frozen=True):
    """Multiplies by a matrix and adds a bias.

    x `(batch, ..., in_features)` gives `(batch, ..., out_features)`. `weight` is
    `(in_features, out_features)`, `bias` `(out_features,)`; both start evenly between
    ±1/sqrt(in_features), the weight in another way where `init` says so. `in_features` is checked
    against the input when given, else taken from it.
    """

    out_features: Annotated[int, Meta(ge=1, description="Numbers that come out.")]
    in_features: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Numbers that come in; as many as come unless given."),
    ] = None
    bias: Annotated[bool, Meta(description="Whether a number is added to each that comes out.")] = (
        True
    )
    init: Init = None

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        if x.ndim < 2:
            raise ShapeError("input has no features; an axis beside the batch is needed")
        n_in = x.shape[-1]
        if self.in_features not in (None, n_in):
            raise ShapeError(
                f"input has {n_in} features, expected {self.in_features} "
                f"(the weight is ({self.in_features}, {self.out_features}))"
            )
        shape = (n_in, self.out_features)
        weight = scope.parameter("weight", shape, start(self.init, shape))
        y = ops.matmul(x.reshape(-1, n_in), weight)
        if self.bias:
            y = y + scope.parameter("bias", (self.out_features,), kaiming_uniform(n_in))
        return y.reshape(*x.shape[:-1], self.out_features)

    def accepts(self, given: Spec) -> Spec | None:
        """See `Module.accepts`."""
        if self.in_features is None:
            return None
        return spec((*(given.shape[:-1] or (1,)), self.in_features), given.dtype)
