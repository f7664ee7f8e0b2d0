"""How the parameters of a Z-space sequencer start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_SHORTEST = 2.0
"""Rows that the first head remembers at the beginning."""


@dataclass(frozen=True, slots=True)
class Values:
    """Given values, repeated to the shape by NumPy's rules."""

    values: tuple[float, ...]

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
        """Return the values; draws nothing."""
        return np.broadcast_to(np.array(self.values), shape).copy()


@dataclass(frozen=True, slots=True)
class Entering:
    """The input map: deviation 1 / sqrt(inputs), and a tenth of it for the gates of decay."""

    n_gates: int

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
        """Return normal values; the last columns are those of the gates."""
        made = generator.normal(0.0, shape[0] ** -0.5, shape)
        made[:, shape[1] - self.n_gates :] *= 0.1
        return made


@dataclass(frozen=True, slots=True)
class Mixture:
    """The mixture of taps: the row as it is, with a little of all others."""

    orders: tuple[float, ...]
    resonator_init: float

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
        """Return `(channels, orders + resonator rows)`."""
        deviation = np.full(shape[1], self.resonator_init)
        deviation[: len(self.orders)] = 0.1
        made: Doubles = generator.normal(0.0, 1.0, shape) * deviation
        made[:, self.orders.index(0.0)] += 1.0
        return made


def logarithmic(first: float, last: float, n: int) -> Values:
    """Return `n` values from `first` to `last`, each the same factor from the one before."""
    return Values(tuple(np.geomspace(first, last, n).tolist()))


def lives(first: float, last: float, n: int) -> Values:
    """Return the logarithms of `n` numbers of rows from `first` to `last`, evenly."""
    return Values(tuple(np.linspace(np.log(first), np.log(last), n).tolist()))


def damping(horizon: int, heads: int, steepest: float) -> Values:
    """Return the biases at which heads remember from 2 rows up to `horizon`, logarithmically.

    A gate of value g forgets `steepest` g per row, and so remembers 1 / (steepest g) rows.
    """
    rows = np.geomspace(_SHORTEST, max(horizon, _SHORTEST), heads)
    gate = np.clip(1.0 / (rows * steepest), 1e-4, 0.9)
    return Values(tuple(np.log(gate / (1.0 - gate)).tolist()))


def softplus_inverse(value: float) -> float:
    """Return x with softplus(x) = value; far below 0 for a value of 0."""
    return float(np.log(np.expm1(value))) if value > 0 else -60.0
