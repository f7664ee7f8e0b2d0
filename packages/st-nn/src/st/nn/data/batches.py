"""An epoch, cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.nn.data.dataset import Dataset
from st.nn.data.order import SHUFFLE, permutation

Batch = tuple[NDArray[Any], NDArray[Any]]


def batches(
    data: Dataset, batch_size: int, *, seed: int, epoch: int, first: int = 0
) -> Iterator[Batch]:
    """Yield `(x, y)` for every batch of an epoch, in an order decided by `seed` and `epoch`.

    Every example comes once; the last batch is shorter when the sizes do not divide. The batches
    are copies: x float32, or int64 of a text; y int64, or float32 where targets are numbers.

    Args:
        data: The examples; empty data yields nothing.
        batch_size: Examples in a batch, 1 or more.
        seed: The experiment's seed.
        epoch: Counted from 1; each epoch has an order of its own.
        first: Batches to leave out, to continue an epoch that was interrupted after so many.
    """
    order = permutation(len(data), seed, SHUFFLE, epoch)
    for start in range(first * batch_size, len(data), batch_size):
        chosen = order[start : start + batch_size]
        yield _wide(data.x[chosen]), _wide(data.y[chosen])


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers as int64; a text keeps them in as few bytes as they need."""
    return values.astype(np.int64, copy=False) if values.dtype.kind in "iu" else values
