"""Random order that is the same on every machine and with every NumPy."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

SPLIT: Final = 1
"""Stream of the numbers that decide which rows are held out."""

SHUFFLE: Final = 2
"""Stream of the numbers that order the rows of an epoch."""


def permutation(n: int, seed: int, stream: int, step: int = 0) -> NDArray[np.int64]:
    """Return the numbers 0 to `n` - 1 in the order that `seed`, `stream` and `step` decide.

    The raw Philox stream is used because NumPy promises its bits for ever; the methods of
    ``numpy.random.Generator`` may change from release to release. The order is a function of the
    arguments alone, so an interrupted epoch needs no stored state to be continued.

    Args:
        n: How many; 0 gives an empty array.
        seed: 0 to 2**64 - 1.
        stream: `SPLIT` or `SHUFFLE`; keeps uses of one seed independent.
        step: The epoch, from 1; 0 where there is none.
    """
    source = np.random.Philox(key=np.array([seed, stream], np.uint64), counter=[0, step, 0, 0])
    return np.argsort(source.random_raw(n), kind="stable").astype(np.int64, copy=False)
