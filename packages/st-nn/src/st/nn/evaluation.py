"""How a model did on data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from st.nn.data import Dataset
from st.nn.judge import Judge

_ROWS_AT_ONCE: Final = 1024
_WINDOWS_AT_ONCE: Final = 32
"""A window of text is as many examples as it has characters."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model did on data.

    Attributes:
        predicted: Of classes, integers, shaped as the targets: the class given to each. Of
            numbers, float32, shape `(n, targets)`.
        metrics: ``accuracy`` of classes; ``rmse``, the root of the mean squared error, and ``r2``,
            the share of the variance explained, of numbers; of a text ``nats``, the mean surprise
            at a character, minus the logarithm of the probability it was given, and ``accuracy``.
            Beside these the figures of further metrics.
        n_correct: How many classes are right; 0 where targets are numbers.
    """

    predicted: NDArray[Any]
    metrics: Mapping[str, float]
    n_correct: int = 0

    @property
    def accuracy(self) -> float:
        """The share that is right, 0 to 1; 0 of nothing, and where targets are numbers."""
        return self.metrics.get("accuracy", 0.0)


def evaluate_by_parts(data: Dataset, judge: Judge) -> Evaluation:
    """Return how the model of `judge` does on `data`, which it sees so many examples at a time.

    The figures of its metrics come beside those that are told in any case.
    """
    size = _WINDOWS_AT_ONCE if data.is_text else _ROWS_AT_ONCE
    nats, predicted, outputs = 0.0, np.empty_like(data.y), []
    for start in range(0, len(data), size):
        part = slice(start, start + size)
        scores = judge(data.x[part], data.y[part])
        if data.is_text:
            nats += float(_surprise(scores, data.y[part]).sum(dtype=np.float64))
            predicted[part] = scores.argmax(axis=-1)
        else:
            outputs.append(scores)
    figures = judge.read()
    if not data.is_text:
        nothing = np.empty((0, *data.output_shape), np.float32)
        own = evaluate(data, np.concatenate(outputs) if outputs else nothing)
        return replace(own, metrics={**own.metrics, **figures})
    n_correct = int((predicted == data.y).sum())
    n = max(data.y.size, 1)
    own_figures = {"nats": nats / n, "accuracy": n_correct / n}
    return Evaluation(predicted, {**own_figures, **figures}, n_correct)


def evaluate(data: Dataset, outputs: NDArray[Any]) -> Evaluation:
    """Judge the outputs of a model, shape `(n, *data.output_shape)`, by the targets of `data`."""
    if data.classes:
        predicted = outputs.argmax(axis=-1)
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


def _surprise(logits: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return minus log of the probability that logits `(..., classes)` give each y `(...)`."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    right = np.take_along_axis(shifted, y[..., np.newaxis].astype(np.int64), -1)[..., 0]
    surprise: NDArray[Any] = np.log(np.exp(shifted).sum(axis=-1)) - right
    return surprise
