"""Losses: what a training step makes small."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.core.backend import Spec, spec
from st.core.errors import StError
from st.nn import ops
from st.nn.tape import ShapeError, Tensor

Positive = Annotated[float, Meta(gt=0, le=1e30)]


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


class LabelLoss(Loss, frozen=True):
    """Base of losses that compare logits `(batch, ..., classes)` with int64 labels `(batch, ...)`.

    The mean is over the batch and, where an example has several labels, over all of them.
    """

    def target(self, prediction: Spec) -> Spec:
        """See `Loss.target`."""
        if len(prediction.shape) < 2:
            raise ShapeError(
                f"{type(self).__name__} takes logits (batch, classes), "
                f"the model gives {prediction.shape}"
            )
        return spec(prediction.shape[:-1], "int64")

    def check(self, target: NDArray[np.generic], prediction: Spec) -> None:
        """See `Loss.check`."""
        n_classes = prediction.shape[-1]
        # Seen as unsigned, a negative label is huge: one reduction checks both ends.
        if np.maximum.reduce(target.view(np.uint64), None, initial=0) >= n_classes:
            wrong = target[(target < 0) | (target >= n_classes)][0]  # type: ignore[operator]  # int64
            raise LabelError(
                f"label {wrong} is outside the {n_classes} classes 0 to {n_classes - 1}"
            )


class CrossEntropy(LabelLoss, frozen=True):
    """Softmax cross-entropy: minus the logarithm of the share of the right class, in nats.

    With `label_smoothing` the right share is that much less than 1, and the rest is even among all
    classes: Szegedy et al. 2016 (arXiv 1512.00567), section 7. Labels that are `ignore_index` count
    for nothing; a batch of nothing else has the loss NaN. Both as in PyTorch.
    """

    label_smoothing: Annotated[
        float, Meta(ge=0, le=1, description="What the right class gives to all classes evenly.")
    ] = 0.0
    ignore_index: Annotated[
        int | None, Meta(description="The label of what does not count; none unless given.")
    ] = None

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        rows, labels = prediction.reshape(-1, prediction.shape[-1]), target.reshape(-1)
        surprise = ops.cross_entropy(rows, labels)
        if self.label_smoothing:
            even = -ops.mean(ops.log_softmax(rows), -1)
            surprise = surprise * (1 - self.label_smoothing) + even * self.label_smoothing
        if self.ignore_index is None:
            return ops.mean(surprise)
        counts = ops.ne(labels, self.ignore_index)
        n_counted = ops.sum(ops.cast(counts, surprise.dtype))
        return ops.sum(ops.where(counts, surprise, 0.0)) / n_counted

    def check(self, target: NDArray[np.generic], prediction: Spec) -> None:
        """See `Loss.check`."""
        counted = target if self.ignore_index is None else target[target != self.ignore_index]
        super().check(counted, prediction)


class NumberLoss(Loss, frozen=True):
    """Base of losses that compare a prediction with as many numbers, element by element."""

    def target(self, prediction: Spec) -> Spec:
        """See `Loss.target`."""
        return prediction


class MeanSquaredError(NumberLoss, frozen=True):
    """Mean of squared differences, over the batch and all numbers of an example."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        difference = prediction - target
        return ops.mean(difference * difference)


class MeanAbsoluteError(NumberLoss, frozen=True):
    """Mean of the sizes of differences, over the batch and all numbers of an example."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        return ops.mean(ops.abs(prediction - target))


class Huber(NumberLoss, frozen=True):
    """Half the squared difference up to `delta`, from there on a straight line of the same slope.

    Huber 1964, Robust Estimation of a Location Parameter, section 4; PyTorch's HuberLoss. The mean
    is over the batch and all numbers of an example.
    """

    delta: Annotated[Positive, Meta(description="The difference where the line begins.")] = 1.0

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        return ops.mean(_bent(prediction - target, self.delta))


class SmoothL1(NumberLoss, frozen=True):
    """The size of the difference less half of `beta`, and a parabola below `beta`.

    Girshick 2015 (arXiv 1504.08083), equation 3; PyTorch's SmoothL1Loss, `huber` over `beta`. The
    mean is over the batch and all numbers of an example.
    """

    beta: Annotated[Positive, Meta(description="The difference where the line begins.")] = 1.0

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        return ops.mean(_bent(prediction - target, self.beta)) * (1.0 / self.beta)


class BinaryCrossEntropy(NumberLoss, frozen=True):
    """Cross-entropy of yes and no: logits against numbers from 0 to 1, each on its own, in nats.

    PyTorch's BCEWithLogitsLoss: the sigmoid is within, so that nothing overflows. The mean is over
    the batch and all numbers of an example.
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See `Loss.forward`."""
        return ops.mean(ops.softplus(prediction) - prediction * target)

    def check(self, target: NDArray[np.generic], prediction: Spec) -> None:
        """See `Loss.check`."""
        values = target.astype(np.float64, copy=False)
        inside = (values >= 0) & (values <= 1)
        if not inside.all():
            raise LabelError(f"the target {values[~inside][0]:g} is not between 0 (no) and 1 (yes)")


def _bent(difference: Tensor, limit: float) -> Tensor:
    """Return half the square of a difference up to `limit`, and its tangent from there on."""
    size = ops.abs(difference)
    inner = ops.minimum(size, limit)
    return inner * (size - inner * 0.5)
