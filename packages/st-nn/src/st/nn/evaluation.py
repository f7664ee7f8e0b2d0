"""How a model did on data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.nn.data import Dataset


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model did on data.

    Attributes:
        predicted: Of classes, int64, shape `(n,)`: the class given to each example. Of numbers,
            float32, shape `(n, targets)`.
        metrics: ``accuracy`` of classes; ``rmse``, the root of the mean squared error, and ``r2``,
            the share of the variance explained, of numbers.
        n_correct: How many classes are right; 0 where targets are numbers.
    """

    predicted: NDArray[Any]
    metrics: Mapping[str, float]
    n_correct: int = 0

    @property
    def accuracy(self) -> float:
        """The share that is right, 0 to 1; 0 of nothing, and where targets are numbers."""
        return self.metrics.get("accuracy", 0.0)


def evaluate(data: Dataset, outputs: NDArray[Any]) -> Evaluation:
    """Judge the outputs of a model, shape `(n, *data.output_shape)`, by the targets of `data`."""
    if data.classes:
        predicted = outputs.argmax(axis=1)
        n_correct = int((predicted == data.y).sum())
        accuracy = n_correct / len(data) if len(data) else 0.0
        return Evaluation(predicted, {"accuracy": accuracy}, n_correct)
    wanted = data.y.astype(np.float64)
    squared = np.square(outputs - wanted)
    spread = np.square(wanted - wanted.mean(axis=0)).sum() if len(data) else 0.0
    metrics = {
        "rmse": float(np.sqrt(squared.mean())) if len(data) else 0.0,
        # A constant target leaves no variance to explain; scikit-learn says 0 or 1 as well.
        "r2": float(1 - squared.sum() / spread) if spread else float(not squared.any()),
    }
    return Evaluation(outputs, metrics)
