"""How parameters start: pure functions of seed, name and shape, so that order does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Initializer(Protocol):
    """Gives a parameter its first values. Equal initializers give equal values."""

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Return values of `shape`, drawn from nothing but `generator`."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Every element the same."""

    value: float = 0.0

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Return `value` everywhere; draws nothing."""
        return np.full(shape, self.value)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Evenly between -bound and bound."""

    bound: float

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Return values in [-bound, bound)."""
        return generator.uniform(-self.bound, self.bound, shape)


@dataclass(frozen=True, slots=True)
class Normal:
    """Around 0 with a standard deviation."""

    deviation: float = 1.0

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Return normal values."""
        return generator.normal(0.0, self.deviation, shape)


def zeros() -> Constant:
    """Return the initializer to 0."""
    return Constant(0.0)


def ones() -> Constant:
    """Return the initializer to 1."""
    return Constant(1.0)


def kaiming_uniform(fan_in: int) -> Uniform:
    """Return PyTorch's default for linear and convolution layers, weights and bias alike.

    He et al. 2015, section 2.2, with the gain for a slope of sqrt(5): the bound is
    sqrt(6 / ((1 + 5) * fan_in)) = 1 / sqrt(fan_in). 0 where nothing comes in.
    """
    return Uniform(1.0 / sqrt(fan_in) if fan_in else 0.0)


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the generator of the parameter `name`: Philox, its key from SHA-256 of both.

    >>> generator(7, "0.weight").random() == generator(7, "0.weight").random()
    True
    """
    digest = sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
