"""Cases of philox: every word has to be the one NumPy's generator gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from st.core.testing.backend.case import Array, Case

TOP = 2**64 - 1
DRAWN: tuple[tuple[int, ...], ...] = (
    (), (1,), (2,), (3,), (4,), (5,), (0,), (3, 0, 2), (7, 9), (2, 3, 4), (1031,), (32, 128),
    (100_003,),
)  # fmt: skip
"""Four words come of a block, so sizes beside its multiples matter, and none."""
SEEDED = (
    (0, 0, 0),
    (0, 1, 0),
    (1, 0, 0),
    (0, 0, 1),
    (20_261_122, 12_345, 7),
    (1 << 32, 1 << 32, 1 << 32),
    (TOP, TOP, TOP),
    (TOP, 0, 1 << 63),
)
"""Seed, step and stream: each alone, beyond 32 bits, and the largest."""


def word_cases(dtypes: Sequence[str]) -> Iterator[Case]:
    """Yield the cases of philox."""
    if "uint64" not in dtypes:
        return
    for shape in DRAWN:
        yield drawn(f"philox-{shape}", np.array([11, 3], np.uint64), 2, shape)
    for seed, step, stream in SEEDED:
        given = np.array([seed, step], np.uint64)
        yield drawn(f"philox-{seed}-{step}-{stream}", given, stream, (13,))
    wide = np.arange(5, 17, dtype=np.uint64)
    yield drawn("philox-at-an-offset", wide[3:5], 1, (9,))
    yield drawn("philox-sliced", wide[1::7], 1, (9,))
    yield drawn("philox-seed-equals-step", np.broadcast_to(wide[:1], (2,)), 1, (9,))


def drawn(id: str, given: Array, stream: int, shape: tuple[int, ...]) -> Case:
    """Return the case of philox for `given`, seed and step."""
    seed, step = given.tolist()
    # NumPy counts up before it draws, so it starts one block below (0, 0, step, 0).
    before = ((step << 128) - 1) % (1 << 256)
    counter = np.array([before >> shift & TOP for shift in range(0, 256, 64)], np.uint64)
    generator = np.random.Philox(key=np.array([seed, stream], np.uint64), counter=counter)
    words = np.asarray(generator.random_raw(prod(shape)), np.uint64).reshape(shape)
    return Case(id, "philox", (given,), words, attrs=(("stream", stream),))
