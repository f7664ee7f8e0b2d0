"""Metrics: figures that tell how a model does, beside the loss that training makes small.

A metric of one's own in ten lines:

>>> from st.nn import ops
>>> from st.nn.metrics import Metric
>>> from st.nn.tape import Tensor
>>> class Within(Metric, frozen=True):
...     distance: float
...
...     def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
...         return (ops.abs(prediction - target) <= self.distance,)
>>> Within(distance=0.5)
Within(distance=0.5)
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.core.backend import Spec, spec
from st.nn import ops
from st.nn.tape import FLOATS, ShapeError, Tensor


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of metrics: the fields are the schema of experiment files.

    `measure` is written in operators and runs on the device; what it gives is added up there, over
    all batches, and read once. `value` makes the figure of the means.
    """

    higher_is_better: ClassVar[bool] = False
    """Which way is up, for the best checkpoint and for stopping early."""

    def target(self, prediction: Spec) -> Spec:
        """Return the spec of the target for a prediction; unless overridden, that of numbers.

        Raises:
            ShapeError: The metric cannot take such a prediction.
        """
        return prediction

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """Return what is to be averaged over all examples: tensors `(batch, ...)`.

        Truth values and whole numbers are counted as numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} has no measure")

    def value(self, *means: NDArray[np.float64]) -> float:
        """Return the figure of the means, each `(...)` without the batch; the mean of the first."""
        return float(means[0].mean())


class _OfClasses(Metric, frozen=True):
    """Base of metrics that take scores `(batch, ..., classes)` and int64 labels `(batch, ...)`."""

    def target(self, prediction: Spec) -> Spec:
        """See `Metric.target`."""
        if len(prediction.shape) < 2:
            raise ShapeError(f"takes scores (batch, classes), the model gives {prediction.shape}")
        return spec(prediction.shape[:-1], "int64")


class Accuracy(_OfClasses, frozen=True):
    """The share of labels whose score is the highest."""

    higher_is_better = True

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """See `Metric.measure`."""
        return (ops.compare(ops.argmax(prediction), target, "eq"),)


class TopKAccuracy(_OfClasses, frozen=True):
    """The share of labels with fewer than `k` higher scores."""

    higher_is_better = True

    k: Annotated[int, Meta(ge=1, description="Among so many of the highest it counts as right.")]

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """See `Metric.measure`."""
        right = ops.take_along(prediction, target.reshape(*target.shape, 1))
        higher = ops.cast(ops.compare(prediction, right, "gt"), prediction.dtype)
        return (ops.compare(ops.sum(higher, -1), float(self.k), "lt"),)


class F1(_OfClasses, frozen=True):
    """The mean over the classes of the harmonic mean of precision and recall (macro F1).

    A class that is neither there nor said counts as 0, as a class that is never right does.
    """

    higher_is_better = True

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """See `Metric.measure`."""
        n = prediction.shape[-1]
        is_there, is_said = ops.one_hot(target, n), ops.one_hot(ops.argmax(prediction), n)
        there, said = (ops.cast(each, prediction.dtype) for each in (is_there, is_said))
        return there * said, there + said

    def value(self, *means: NDArray[np.float64]) -> float:
        """See `Metric.value`; where an example has several labels, all of them count."""
        right, both = (mean.reshape(-1, mean.shape[-1]).sum(axis=0) for mean in means)
        return float((2 * right / np.where(both > 0, both, 1.0)).mean())


class Nats(_OfClasses, frozen=True):
    """The mean surprise at a label: minus the logarithm of the probability it was given."""

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """See `Metric.measure`."""
        rows = prediction.reshape(-1, prediction.shape[-1])
        return (ops.cross_entropy(rows, target.reshape(-1)).reshape(*target.shape),)


class Perplexity(Nats, frozen=True):
    """e to the mean surprise: among so many equally likely labels it would be as hard to choose."""

    def value(self, *means: NDArray[np.float64]) -> float:
        """See `Metric.value`."""
        return float(np.exp(super().value(*means)))


class MeanAbsoluteError(Metric, frozen=True):
    """The mean distance of a number from what it is to be."""

    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """See `Metric.measure`."""
        return (ops.abs(prediction - target),)


def sums(metric: Metric, prediction: Tensor, target: Tensor) -> list[Tensor]:
    """Return what `metric` measures, added up over the batch, floating.

    Raises:
        ShapeError: What it gives does not begin with the batch.
        OperandError: It cannot take them.
    """
    found = []
    for measured in metric.measure(prediction, target):
        if measured.shape[:1] != prediction.shape[:1]:
            raise ShapeError(f"measures {measured.shape}, which does not begin with the batch")
        number = measured if measured.dtype in FLOATS else ops.cast(measured, prediction.dtype)
        found.append(ops.sum(number, 0))
    return found
