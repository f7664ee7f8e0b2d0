"""Rows with classes or numbers to tell, in memory, and their split."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Spec, spec
from st.nn.data.errors import DataError
from st.nn.data.order import SPLIT, permutation


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """Examples to learn from or to be judged by. Arrays are not copied; do not modify them.

    Attributes:
        x: float32, shape `(n, *input_shape)`, C order; of a text integers, `(n, length)`.
        y: int64, shape `(n,)`: indices into `classes`; without classes float32, shape
            `(n, targets)`: the numbers to be told; of a text as `x`, one character further.
        classes: The names of the classes, or none; of a text its characters.
        rows: int64, shape `(n,)`: where each example stands in its source, counted from 1.
        source: Where the rows come from, for messages.
        digest: SHA-256 of the source's bytes, or empty.
        scale: What the numbers of the source were multiplied by to give `x`.
        apart: bool, shape `(n,)`: which examples the source itself holds out; None where chance
            may decide.
        is_text: Whether an example is a piece of text, as indices of characters.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    classes: tuple[str, ...]
    rows: NDArray[np.int64]
    source: str = "data"
    digest: str = ""
    scale: float = 1.0
    apart: NDArray[np.bool_] | None = None
    is_text: bool = False

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.y) == len(self.rows):
            raise DataError(
                self.source,
                "path",
                "as many labels and row numbers as examples",
                f"{len(self.x)} examples, {len(self.y)} labels, {len(self.rows)} row numbers",
            )
        if not self.classes and len(self.y):
            if self.y.ndim != 2 or self.y.dtype != np.float32:
                raise DataError(
                    self.source,
                    "target",
                    "classes, or float32 targets of shape (rows, targets)",
                    f"{self.y.dtype} of shape {self.y.shape} and no classes",
                )
        elif self.y.size and not 0 <= self.y.min() <= self.y.max() < len(self.classes):
            raise DataError(
                self.source,
                "target",
                f"labels 0 to {len(self.classes) - 1}",
                f"labels {self.y.min()} to {self.y.max()}",
            )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.x.shape[1:]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what a model gives for one example: a number for each class or target."""
        return (*self.y.shape[1:], len(self.classes)) if self.classes else self.y.shape[1:]

    @property
    def target(self) -> Spec:
        """The spec of what there is to tell for one example: labels are int64."""
        return spec(self.y.shape[1:], "int64" if self.classes else "float32")

    def take(self, indices: NDArray[np.int64]) -> Dataset:
        """Return the examples at `indices`, in that order, copied."""
        return replace(
            self,
            x=self.x[indices],
            y=self.y[indices],
            rows=self.rows[indices],
            apart=None if self.apart is None else self.apart[indices],
        )

    def split(self, held_out: float, seed: int) -> tuple[Dataset, Dataset]:
        """Return (to learn from, held out), every class divided in the same proportion.

        Without classes the rows are divided by chance alone. What the source has set `apart` is
        held out instead, whatever the arguments say.

        Args:
            held_out: Share of the examples to hold out, above 0 and below 1. The number of
                examples held out is rounded up; each class gives its share, give or take one.
            seed: Decides which; the same seed always holds out the same rows.

        Raises:
            DataError: Nothing would be left to learn from.
        """
        if self.apart is not None:
            return self.take(np.flatnonzero(~self.apart)), self.take(np.flatnonzero(self.apart))
        n_held_out = math.ceil(held_out * len(self) - 1e-9)
        if not 0 < n_held_out < len(self):
            raise DataError(
                self.source,
                "held_out",
                "a share that leaves rows on both sides",
                f"{held_out} of {len(self)} rows",
            )
        order = permutation(len(self), seed, SPLIT)
        labels = self.y if self.classes else np.zeros(len(self), np.int64)
        quotas = _quotas(np.bincount(labels, minlength=len(self.classes)), n_held_out)
        is_held_out = np.zeros(len(self), bool)
        for label, quota in enumerate(quotas):
            of_class = order[labels[order] == label]
            is_held_out[of_class[:quota]] = True
        return self.take(np.flatnonzero(~is_held_out)), self.take(np.flatnonzero(is_held_out))


def _quotas(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Divide `total` among the classes in proportion to `counts`, by largest remainder."""
    exact = counts * (total / counts.sum())
    quotas: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    largest_first = np.argsort(quotas - exact, kind="stable")
    quotas[largest_first[: total - int(quotas.sum())]] += 1
    return quotas
