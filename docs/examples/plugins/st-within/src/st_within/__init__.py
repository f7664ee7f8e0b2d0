"""A metric that experiment files name: ``metrics = [{ type = "within", distance = 0.5 }]``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.core import Plugin
from st.nn import ops
from st.nn.metrics import Metric
from st.nn.tape import Tensor


class WithinPlugin(Plugin):
    """Has nothing to do while it is loaded; the manifest says where the metric is."""


class Within(Metric, frozen=True):
    """The share of numbers that are told within `distance` of what they are to be.

    It is computed where the model is, batch by batch, in operators.
    """

    higher_is_better = True

    distance: Annotated[float, Meta(ge=0, description="How far off is close enough.")]

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """Return for each number whether it is."""
        return (ops.abs(prediction - target) <= self.distance,)
