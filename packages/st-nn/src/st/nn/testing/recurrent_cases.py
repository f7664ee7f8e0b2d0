"""Cases of the recurrences, which NumPy writes row by row here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from st.nn import ops
from st.nn.testing.case import Array, OperatorCase, numbers


def recurrent_cases() -> Iterator[OperatorCase]:
    """Yield the cases: one row, several, and many examples at once."""
    for rows, batch, width in ((1, 2, 3), (3, 2, 2), (2, 3, 1), (5, 1, 4)):
        of = f"{rows}x{batch}x{width}"
        weight = numbers(width, 4 * width, seed=1)
        yield OperatorCase(f"lstm-{of}", ops.lstm, _lstm, (numbers(rows, batch, 4 * width), weight))
        weight, bias = numbers(width, 3 * width, seed=1), numbers(3 * width, seed=2)
        yield OperatorCase(
            f"gru-{of}", ops.gru, _gru, (numbers(rows, batch, 3 * width), weight, bias)
        )


def _sigmoid(x: Array) -> Array:
    made: Array = 1 / (1 + np.exp(-x))
    return made


def _lstm(x: Array, weight: Array) -> Array:
    h = c = np.zeros((x.shape[1], weight.shape[0]))
    states = []
    for row in x:
        i, f, g, o = np.split(row + h @ weight, 4, 1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def _gru(x: Array, weight: Array, bias: Array) -> Array:
    h = np.zeros((x.shape[1], weight.shape[0]))
    states = []
    for row in x:
        xr, xz, xn = np.split(row, 3, 1)
        r, z, n = np.split(h @ weight + bias, 3, 1)
        z, n = _sigmoid(xz + z), np.tanh(xn + _sigmoid(xr + r) * n)
        h = (1 - z) * n + z * h
        states.append(h)
    return np.stack(states)
