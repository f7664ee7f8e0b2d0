"""The loss `focal`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from st.nn import LabelLoss, Tensor, ops


class Focal(LabelLoss, frozen=True):
    """Gives (1 - p)**gamma · -log p of the right class, mean over the batch, in nats.

    Lin and others: Focal Loss for Dense Object Detection, 2017 (arXiv 1708.02002), equation 4.
    """

    gamma: Annotated[
        int, Meta(ge=0, le=8, description="How much less what is sure counts; 0: cross-entropy.")
    ] = 2

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        rows = prediction.reshape(-1, prediction.shape[-1])
        surprise = ops.cross_entropy(rows, target.reshape(-1))
        unsure = 1.0 - ops.exp(-surprise)
        for _ in range(self.gamma):
            surprise = surprise * unsure
        return ops.mean(surprise)
