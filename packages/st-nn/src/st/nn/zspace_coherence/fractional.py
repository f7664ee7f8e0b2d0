"""The tap bank: fractional differences of learned order, and damped resonators.

Every tap of a channel is a mixture of the same few rows. A row of order a holds the coefficients of
(1 - B)^a, B the step back: order 0 is the row as it is, 1 and 2 are differences, -1/2 a smoothing
whose weights fall like a power (Granger and Joyeux 1980; Hosking 1981; Podlubny 1999, section 7.4).
"""

from __future__ import annotations

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor


def fractional_taps(orders: Tensor, n_taps: int) -> Tensor:
    """Return the coefficients of (1 - B)^a for each order: `(orders,)` gives `(orders, n_taps)`.

    Grünwald and Letnikov: c[0] = 1, c[k] = c[k - 1] (k - 1 - a) / k, here as a product of what lies
    1, 2, 4 … places off, log2(n_taps) steps.
    """
    k = np.arange(n_taps)
    steady = np.where(k > 0, (k - 1) / np.maximum(k, 1), 1.0).astype(orders.dtype)
    moving = np.where(k > 0, 1 / np.maximum(k, 1), 0.0).astype(orders.dtype)
    taps = orders.tape.constant(steady) - orders.reshape(-1, 1) * orders.tape.constant(moving)
    step = 1
    while step < n_taps:
        taps = ops.concat([taps[:, :step], taps[:, step:] * taps[:, :-step]], 1)
        step *= 2
    return taps


def resonator_taps(turn: Tensor, life: Tensor, n_taps: int) -> Tensor:
    """Return damped waves: `(n,)` and `(n,)` give `(2 n, n_taps)`, cosines before sines.

    Args:
        turn: Radians that each turns in a row.
        life: Logarithm of the rows after which it has fallen to 1 / e.
        n_taps: Taps.
    """
    k = turn.tape.constant(np.arange(n_taps, dtype=turn.dtype))
    cosine, sine = ops.cos_sin(turn.reshape(-1, 1) * k)
    damping = ops.exp(-(ops.exp(-life).reshape(-1, 1) * k))
    return ops.concat([damping * cosine, damping * sine], 0)


def tap_bank(rows: Tensor, mixture: Tensor) -> Tensor:
    """Return the taps of each channel: rows `(m, taps)`, mixture `(channels, m)`.

    Gives `(taps, channels)`, as `st.nn.ops.causal_taps` takes them.
    """
    return ops.matmul(rows.T, mixture.T)
