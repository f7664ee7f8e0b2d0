"""Ufuncs that go through buffers, kept to small ones: memory is held to 64 KB whatever the batch.

Where operands step through memory in different ways, NumPy copies each through a buffer of 8192
elements; three of float64 are 192 KB. Buffers of 2048 elements are no slower (an addition of
21,600 strided elements took 42 us with either).
"""

from __future__ import annotations

import numpy as np

from st.core.backend import DTYPES, SIGNATURES, Call, Launch, View

USUAL, SMALL = 8192, 2048
"""Elements of a buffer."""
ALLOWED = 60_000
"""Bytes that buffers may take: 64 KB less what the iterator takes itself."""


def is_buffered(call: Call) -> bool:
    """Whether a ufunc would hold more than `ALLOWED` bytes in buffers."""
    signature = SIGNATURES.get(call.op)
    if signature is None or signature.kind == "other":
        return False
    views = [x for x in (*call.inputs, *call.outputs) if isinstance(x, View)]
    strided = [x for x in views if not x.is_dense and any(x.strides)]
    if signature.kind == "reduce" and (strided or not _at_an_end(call)):
        strided = views
    size = min(USUAL, max(x.spec.size for x in views))
    n_bytes = [DTYPES[x.spec.dtype] for x in strided]
    # Before NumPy 2 the result goes through a buffer as well when one operand does.
    return size * sum(n_bytes * 2 if len(n_bytes) == 1 else n_bytes) > ALLOWED


def _at_an_end(call: Call) -> bool:
    """Whether the axes that a reduction folds are the first ones or the last ones."""
    attrs = dict(call.attrs)
    axes = attrs["axes"] if "axes" in attrs else (attrs["axis"],)
    n, n_axes = len(axes), len(call.inputs[0].spec.shape)
    return tuple(axes) in (tuple(range(n)), tuple(range(n_axes - n, n_axes)))


def in_small_buffers(launch: Launch) -> None:
    """Run a launch with buffers of `SMALL` elements."""
    # Old versions keep the size for the thread, not for the block; so it is set back by hand.
    before = np.setbufsize(SMALL)
    try:
        launch()
    finally:
        np.setbufsize(before)
