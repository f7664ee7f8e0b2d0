"""How a model did on data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a classifier did on data.

    Attributes:
        predicted: int64, shape `(n,)`: the class it gave each example.
        n_correct: How many of them are right.
    """

    predicted: NDArray[np.int64]
    n_correct: int

    @property
    def accuracy(self) -> float:
        """The share that is right, 0 to 1; 0 of nothing."""
        return self.n_correct / len(self.predicted) if len(self.predicted) else 0.0

    @property
    def metrics(self) -> Mapping[str, float]:
        """What there is to tell, by name."""
        return {"accuracy": self.accuracy}
