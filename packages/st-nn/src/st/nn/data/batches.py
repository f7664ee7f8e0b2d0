"""An epoch, cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.nn.data.dataset import Dataset
from st.nn.data.order import SHUFFLE, permutation

Batch = tuple[NDArray[np.float32], NDArray[Any]]


def batches(
    data: Dataset, batch_size: int, *, seed: int, epoch: int, first: int = 0
) -> Iterator[Batch]:
    """Yield `(x, y)` for every batch of an epoch, in an order decided by `seed` and `epoch`.

    Every example comes once; the last batch is shorter when the sizes do not divide.

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
        yield data.x[chosen], data.y[chosen]
