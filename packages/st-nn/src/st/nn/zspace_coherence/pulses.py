"""Pulses and carriers: what makes the weight of the past a coherence of phases, never negative.

A pulse z is complex; its carrier turns it by omega t. The features (|z|, Re z, Im z) / sqrt(2) lie
on a light cone, so that the product of two is |q||k| (1 + cos of their phases' difference) / 2, and
only the time between them enters.
"""

from __future__ import annotations

import math

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor

SMALLEST = 1e-6
"""Added under the root of |z|, which has no derivative at 0."""
HALF_ROOT = math.sqrt(0.5)
"""With it the product of two features is a mean, of 1 and the cosine."""


def carriers(omega: Tensor, rows: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of omega t, for rows t from `first` on.

    omega `(heads, bands)`, radians per row, gives twice `(heads, rows, bands)`.
    """
    time = np.arange(first, first + rows, dtype=omega.dtype).reshape(1, rows, 1)
    heads, bands = omega.shape
    return ops.cos_sin(omega.reshape(heads, 1, bands) * omega.tape.constant(time, "time"))


def features(pulses: Tensor, carrier: tuple[Tensor, Tensor]) -> Tensor:
    """Return the features of pulses on their carriers.

    pulses `(batch, heads, rows, bands, 2)`, real and imaginary part, give
    `(batch, heads, rows, 3 bands)`: all lengths, all real parts, all imaginary parts.
    """
    cosine, sine = carrier
    real, imaginary = pulses[..., 0], pulses[..., 1]
    turned = real * cosine - imaginary * sine, real * sine + imaginary * cosine
    size = ops.sqrt(real * real + imaginary * imaginary + SMALLEST)
    return ops.concat([size, *turned], pulses.ndim - 2) * HALF_ROOT


def turned_back(state: Tensor, omega: Tensor, rows: int) -> Tensor:
    """Return a sum of features x points as seen `rows` later, when time begins at 0 again.

    state `(batch, heads, 3 bands, width)`, omega `(heads, bands)`.
    """
    heads, bands = omega.shape
    cosine, sine = ops.cos_sin((omega * float(rows)).reshape(heads, bands, 1))
    size, real, imaginary = (state[:, :, n * bands : (n + 1) * bands] for n in range(3))
    turned = real * cosine + imaginary * sine, imaginary * cosine - real * sine
    return ops.concat([size, *turned], 2)
