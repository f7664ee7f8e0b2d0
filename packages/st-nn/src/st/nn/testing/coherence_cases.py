"""Cases of what a Z-space sequencer does along time, which NumPy sums term by term here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor
from st.nn.testing.case import Array, OperatorCase, numbers


def coherence_cases() -> Iterator[OperatorCase]:
    """Yield the cases: one row, chunks that divide the rows, and such that do not."""
    for n_taps, rows in ((1, 3), (3, 3), (2, 5)):
        inputs = numbers(2, rows, 3), numbers(n_taps, 3, seed=1)
        yield OperatorCase(f"causal_taps-{n_taps}of{rows}", ops.causal_taps, _taps, inputs)
    for rows, chunk in ((1, 4), (4, 2), (5, 3)):
        of = f"coherent_scan-{rows}by{chunk}"
        yield OperatorCase(of, partial(_both, chunk=chunk), _scan, _scanned(rows))
    yield OperatorCase("cos_sin", _waves, _waves_of_numpy, (5 * numbers(3, 4),))


def _scanned(rows: int) -> tuple[Array, ...]:
    shape = (2, 1, rows)
    q, k, x = (numbers(*shape, width, seed=width) for width in (3, 3, 2))
    return q, k, x, -numbers(*shape, positive=True), numbers(2, 1, 3, 2, seed=5)


def _both(*inputs: Tensor, chunk: int) -> Tensor:
    q, k, x, log_decay, state = inputs
    y, after = ops.coherent_scan(q, k, x, log_decay, state, chunk=chunk)
    return ops.concat([y, after], 2)


def _scan(q: Array, k: Array, x: Array, log_decay: Array, state: Array) -> Array:
    rows = []
    for t in range(q.shape[2]):
        fresh = k[:, :, t, :, None] * x[:, :, t, None, :]
        state = np.exp(log_decay[:, :, t, None, None]) * state + fresh
        rows.append(np.einsum("bhf,bhfw->bhw", q[:, :, t], state))
    return np.concatenate([np.stack(rows, 2), state], 2)


def _taps(x: Array, taps: Array) -> Array:
    n_taps = len(taps)
    rows = range(n_taps - 1, x.shape[1])
    return np.stack([(x[:, t - n_taps + 1 : t + 1][:, ::-1] * taps).sum(1) for t in rows], 1)


def _waves(x: Tensor) -> Tensor:
    return ops.concat(ops.cos_sin(x))


def _waves_of_numpy(x: Array) -> Array:
    return np.concatenate([np.cos(x), np.sin(x)])
