"""Cases of what is made random: NumPy's generator gives the same words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor
from st.nn.testing.case import Array, OperatorCase, numbers

SEED, STEP = 20_261_122, 3


def random_cases() -> Iterator[OperatorCase]:
    """Yield the cases of philox and dropout."""
    for rate in (0.0, 0.3, 0.5, 0.9):
        for stream, shape in enumerate(((3, 4), (2, 3, 5), (), (131,))):
            yield OperatorCase(
                f"dropout-{rate}-{shape}",
                partial(_dropped, rate=rate, stream=stream),
                partial(_dropped_by_numpy, rate=rate, stream=stream),
                (numbers(*shape),),
            )


def _dropped(x: Tensor, rate: float, stream: int) -> Tensor:
    counter = x.tape.constant(np.array([SEED, STEP], np.uint64))
    return ops.dropout(x, ops.philox(counter, x.shape, stream), rate)


def _dropped_by_numpy(x: Array, rate: float, stream: int) -> Array:
    generator = np.random.Philox(key=[SEED, stream], counter=[0, 0, STEP, 0])
    # NumPy counts up before it draws; back by one block of four.
    generator.advance(2**256 - 1)
    words = np.asarray(generator.random_raw(x.size)).reshape(x.shape)
    shares = words.astype(np.float64) / 2.0**64
    made: Array = np.where(shares < rate, 0.0, x / (1 - rate))
    return made
