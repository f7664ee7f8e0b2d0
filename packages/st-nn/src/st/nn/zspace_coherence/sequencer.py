"""The module `zspace_coherence`: rows that weigh the past by coherence, in hyperbolic space."""

from __future__ import annotations

from st.nn.modules.attention import as_rows
from st.nn.modules.base import Scope
from st.nn.tape import ShapeError, Tensor
from st.nn.zspace_coherence.config import ZSpaceConfig
from st.nn.zspace_coherence.layer import Layer, declaration


class ZSpaceSequencer(ZSpaceConfig, frozen=True):
    """Gives each row the midpoint of the points before it, weighed by phase: the shape stays.

    x `(batch, rows, width)`; cost and memory are linear in the rows. The steps are those of
    `fractional` (taps along time), `pulses` (coherence), `geometry` (points, their midpoint) and
    `st.nn.ops.coherent_scan` (sums with decay); `layer` puts them together and `declaration` there
    lists the parameters.
    """

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        _, rows, width = as_rows(x)
        if width % self.heads or not width:
            raise ShapeError(f"{self.heads} heads do not divide a width of {width}")
        if not rows:
            raise ShapeError("there is no row")
        parameters = {
            name: scope.parameter(name, shape, start)
            for name, (shape, start) in declaration(self, width).items()
        }
        return Layer(self, parameters).read(x).output
