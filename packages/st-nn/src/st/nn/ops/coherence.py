"""What a Z-space sequencer does along time: filter with taps, and sum up what was with a decay.

Both have as many calls as a plan needs for chunks or taps, never one for each row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from st.core.backend import Spec, spec
from st.nn.ops.along import flip
from st.nn.ops.elementwise import exp
from st.nn.ops.join import pad, stack
from st.nn.ops.matmul import matmul
from st.nn.ops.reduce import sum
from st.nn.ops.rules import FLOATS, one_dtype
from st.nn.tape import (
    Applied,
    Attrs,
    Operator,
    ShapeError,
    Tensor,
    operators,
    through_parts,
)


def causal_taps(x: Tensor, taps: Tensor) -> Tensor:
    """Return each channel filtered by taps of its own, over rows that lie together.

    y[t] = sum over k of taps[k] * x[t + K - 1 - k]: the rows before the first that comes out are
    the caller's, zeros or what was there.

    Args:
        x: Floating, `(batch, K - 1 + rows, channels)`.
        taps: `(K, channels)`, that of the present row first.

    Returns:
        `(batch, rows, channels)`.

    Raises:
        ShapeError: The shapes do not fit, or no row comes out.
    """
    return x.tape.emit("causal_taps", (x, taps))[0]


def coherent_scan(
    q: Tensor, k: Tensor, x: Tensor, log_decay: Tensor, state: Tensor, *, chunk: int
) -> tuple[Tensor, Tensor]:
    """Return y[t] = sum over s <= t of exp(log_decay[s + 1] + … + log_decay[t]) (q[t]·k[s]) x[s].

    In chunks, as of Sun et al. 2023 (arXiv 2307.08621, equation 7): inside a chunk a product with a
    triangular mask, between chunks a state; the decay is folded into q and k, so that no matrix of
    exponentials is made. Linear in the rows.

    Args:
        q: Floating, `(batch, heads, rows, features)`.
        k: Like `q`.
        x: `(batch, heads, rows, width)`.
        log_decay: `(batch, heads, rows)`, at most 0 and no sum of `chunk` of them below -80, where
            float32 would overflow.
        state: What was before the first row, `(batch, heads, features, width)`.
        chunk: Rows taken at once, at least 1.

    Returns:
        y, like `x`, and the state after the last row.

    Raises:
        ShapeError: The shapes do not fit, or there is no row.
    """
    inputs = (q, k, x, log_decay, state)
    y, after = q.tape.emit("coherent_scan", inputs, {"chunk": chunk})
    return y, after


def _filtered(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, taps = inputs
    dtype = one_dtype(inputs, FLOATS)
    if len(x.shape) != 3 or len(taps.shape) != 2 or x.shape[2] != taps.shape[1]:
        raise ShapeError("takes x (batch, rows, channels) and taps (K, channels)")
    n, rows, channels = x.shape
    if not 1 <= taps.shape[0] <= rows:
        raise ShapeError(f"{taps.shape[0]} taps leave no row of {rows}")
    return (spec((n, rows - taps.shape[0] + 1, channels), dtype),)


def _causal_taps(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Go over the taps, or over the rows where these are fewer, as where they come one by one."""
    x, taps = inputs
    n_taps = taps.shape[0]
    rows = x.shape[1] - n_taps + 1
    if rows < n_taps:
        turned = flip(taps, 0)
        found = [sum(x[:, row : row + n_taps] * turned, 1) for row in range(rows)]
        return [stack(found, 1)]
    made = x[:, n_taps - 1 :] * taps[0]
    for k in range(1, n_taps):
        made = made + x[:, n_taps - 1 - k : n_taps - 1 - k + rows] * taps[k]
    return [made]


def _scanned(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    q, k, x, log_decay, state = inputs
    dtype = one_dtype(inputs, FLOATS)
    if len(q.shape) != 4 or k.shape != q.shape or len(x.shape) != 4:
        raise ShapeError("takes q and k (batch, heads, rows, features) and x (…, width)")
    n, heads, rows, features = q.shape
    width = x.shape[3]
    if x.shape[:3] != (n, heads, rows) or log_decay.shape != (n, heads, rows):
        raise ShapeError(f"x and the decay begin with {(n, heads, rows)}, as q does")
    if state.shape != (n, heads, features, width):
        raise ShapeError(f"takes a state of shape {(n, heads, features, width)}")
    if not rows or attrs["chunk"] < 1:
        raise ShapeError("takes at least one row, and chunks of at least one")
    return spec(x.shape, dtype), spec(state.shape, dtype)


def _coherent_scan(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    """Work all chunks out at once; only the state goes from one to the next."""
    q, k, x, log_decay, state = inputs
    n, heads, rows, _ = q.shape
    length = min(attrs["chunk"], rows)
    n_chunks = -(-rows // length)

    def chunks(of: Tensor) -> Tensor:
        # Rows of zeros at the end add nothing, and let nothing decay.
        missing = n_chunks * length - rows
        whole = pad(of, ((0, 0), (0, 0), (0, missing), (0, 0))) if missing else of
        return whole.reshape(n, heads, n_chunks, length, of.shape[3])

    q, k, x = chunks(q), chunks(k), chunks(x)
    triangle = q.tape.constant(np.tri(length, dtype=q.dtype), "triangle")
    kept = exp(matmul(triangle, chunks(log_decay.reshape(n, heads, rows, 1))))
    q, k = q * kept, k / kept
    fresh = matmul(k.T, x)
    states = []
    for i in range(n_chunks):
        states.append(state)
        state = kept[:, :, i, -1:] * (state + fresh[:, :, i])
    y = matmul(matmul(q, k.T) * triangle, x) + matmul(q, stack(states, 2))
    return [y.reshape(n, heads, n_chunks * length, x.shape[4])[:, :, :rows], state]


def _causal_taps_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    return through_parts(_causal_taps, at, dy)


def _coherent_scan_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    return through_parts(_coherent_scan, at, dy)


operators.register(Operator("causal_taps", _filtered, _causal_taps_vjp, _causal_taps, 2))
operators.register(Operator("coherent_scan", _scanned, _coherent_scan_vjp, _coherent_scan, 5))
