"""Losses: what a training step makes small."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from st.core.backend import Spec, spec
from st.core.errors import StError
from st.nn import ops
from st.nn.tape import ShapeError, Tensor


class LabelError(StError, ValueError):
    """A target holds a value that the loss cannot take."""


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of losses: a scalar, the mean over the batch."""

    def target(self, prediction: Spec) -> Spec:
        """Return the spec of the target for a prediction, batch axis included.

        Raises:
            ShapeError: The loss cannot take such a prediction.
        """
        raise NotImplementedError(f"{type(self).__name__} has no target")

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the scalar loss."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def check(self, target: NDArray[np.generic], prediction: Spec) -> None:
        """Check the values of a target where it enters; kernels do not.

        Raises:
            LabelError: A value cannot be.
        """


class CrossEntropy(Loss, frozen=True):
    """Softmax cross-entropy of logits `(batch, ..., classes)` against int64 labels `(batch, ...)`.

    The mean is over the batch and, where an example has several labels, over all of them.
    """

    def target(self, prediction: Spec) -> Spec:
        """See `Loss.target`."""
        if len(prediction.shape) < 2:
            raise ShapeError(
                f"cross_entropy takes logits (batch, classes), the model gives {prediction.shape}"
            )
        return spec(prediction.shape[:-1], "int64")

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        rows = prediction.reshape(-1, prediction.shape[-1])
        return ops.mean(ops.cross_entropy(rows, target.reshape(-1)))

    def check(self, target: NDArray[np.generic], prediction: Spec) -> None:
        """See `Loss.check`."""
        n_classes = prediction.shape[-1]
        # Seen as unsigned, a negative label is huge: one reduction checks both ends.
        if np.maximum.reduce(target.view(np.uint64), None, initial=0) >= n_classes:
            wrong = target[(target < 0) | (target >= n_classes)][0]  # type: ignore[operator]  # int64
            raise LabelError(
                f"label {wrong} is outside the {n_classes} classes 0 to {n_classes - 1}"
            )


class MeanSquaredError(Loss, frozen=True):
    """Mean of squared differences, over the batch and all numbers of an example."""

    def target(self, prediction: Spec) -> Spec:
        """See `Loss.target`."""
        return prediction

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        difference = prediction - target
        return ops.mean(difference * difference)
