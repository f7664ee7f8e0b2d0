"""The modules `snake` and `siren`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn.modules import Linear, Module, Scope
from st.nn.tape import Tensor
from st_snake.sine import sine

Frequency = Annotated[float, Meta(gt=0, description="How fast the sine turns, radians per unit.")]


class Snake(Module, frozen=True):
    """Gives x + sin²(frequency · x) / frequency. Any shape.

    Ziyin, Hartwig, Ueda: Neural Networks Fail to Learn Periodic Functions, 2020 (arXiv 2006.08195).
    """

    frequency: Frequency = 1.0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        wave = sine(self.frequency * x)
        return x + wave * wave * (1 / self.frequency)


class Siren(Module, frozen=True):
    """Gives sin(omega · (x @ weight + bias)): `(batch, ..., n)` gives `(batch, ..., out_features)`.

    Sitzmann and others: Implicit Neural Representations, 2020 (arXiv 2006.09661), section 3.
    """

    out_features: Annotated[int, Meta(ge=1, description="Numbers that come out.")]
    omega: Frequency = 30.0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        linear = Linear(out_features=self.out_features)
        return sine(self.omega * scope.apply("linear", linear, x))
