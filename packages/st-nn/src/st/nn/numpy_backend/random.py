"""Bind function of philox: NumPy's own generator, set to the place asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

Words = NDArray[np.uint64]

PIECE = 1 << 12
"""Words drawn at once. The generator gives memory of its own, 32 KB of it; 4096 words take 13 us,
where the same arithmetic in ufuncs took 117."""

_TOP = (1 << 64) - 1


def philox(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the words of one stream, drawn piece by piece into the output."""
    key, counter = np.zeros(2, np.uint64), np.zeros(4, np.uint64)
    key[1] = call.attr("stream")
    state = {
        "bit_generator": "Philox",
        "state": {"counter": counter, "key": key},
        "buffer": np.zeros(4, np.uint64),
        "buffer_pos": 4,  # nothing is left of a block
        "has_uint32": 0,
        "uinteger": 0,
    }
    flat = outputs[0].reshape(-1)
    pieces = [flat[start : start + PIECE] for start in range(0, flat.size, PIECE)]
    return partial(_draw, np.random.Philox(key=key), state, inputs[0], key, counter, pieces)


def _draw(
    generator: np.random.Philox,
    state: Any,  # a private TypedDict of NumPy
    given: Words,
    key: Words,
    counter: Words,
    pieces: Sequence[Words],
) -> None:
    key[0] = given[0]
    step = int(given[1])
    # The generator counts up before it draws: one below (0, 0, step, 0), with borrow.
    counter[:] = _TOP, _TOP, (step - 1) & _TOP, 0 if step else _TOP
    generator.state = state
    for piece in pieces:
        piece[:] = generator.random_raw(piece.size)


BINDERS: dict[str, Binder] = {"philox": philox}
