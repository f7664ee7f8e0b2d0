"""How parameters start: pure functions of seed, name and shape, so that order does not matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import prod, sqrt
from typing import Literal, Protocol

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


def kaiming_normal(fan_in: int) -> Normal:
    """Return He's initializer for layers before a rectifier: deviation sqrt(2 / fan_in).

    He et al. 2015 (arXiv 1502.01852), equation 10. 0 where nothing comes in.
    """
    return Normal(sqrt(2.0 / fan_in) if fan_in else 0.0)


def xavier_uniform(fan_in: int, fan_out: int) -> Uniform:
    """Return Glorot's initializer for layers before a tanh: bound sqrt(6 / (fan_in + fan_out)).

    Glorot and Bengio 2010, equation 16. 0 where nothing comes in or out.
    """
    return Uniform(sqrt(6.0 / (fan_in + fan_out)) if fan_in + fan_out else 0.0)


def xavier_normal(fan_in: int, fan_out: int) -> Normal:
    """Return Glorot's initializer, normal: deviation sqrt(2 / (fan_in + fan_out)).

    Glorot and Bengio 2010, equation 12. 0 where nothing comes in or out.
    """
    return Normal(sqrt(2.0 / (fan_in + fan_out)) if fan_in + fan_out else 0.0)


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """A matrix whose rows, or columns where these are fewer, are orthogonal, of length `gain`.

    Saxe, McClelland, Ganguli 2014 (arXiv 1312.6120). Axes before the last are taken as one.
    """

    gain: float = 1.0

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Return the orthogonal part of a normal matrix, each sign equally likely.

        Raises:
            ValueError: `shape` has fewer than two axes.
        """
        if len(shape) < 2:
            raise ValueError(f"an orthogonal parameter has at least two axes, given {shape}")
        drawn = generator.normal(size=(prod(shape[:-1]), shape[-1]))
        tall = drawn if drawn.shape[0] >= drawn.shape[1] else drawn.T
        q, r = np.linalg.qr(tall)
        # Without the signs of r the result would depend on how the decomposition is computed.
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        made: NDArray[np.float64] = self.gain * (q if tall is drawn else q.T)
        return made.reshape(shape)


Start = Literal[
    "kaiming_uniform",
    "kaiming_normal",
    "xavier_uniform",
    "xavier_normal",
    "orthogonal",
    "zeros",
]
"""How a weight may start, as experiment files name it."""

_STARTS: Mapping[str, Callable[[int, int], Initializer]] = {
    "kaiming_uniform": lambda fan_in, fan_out: kaiming_uniform(fan_in),
    "kaiming_normal": lambda fan_in, fan_out: kaiming_normal(fan_in),
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "orthogonal": lambda fan_in, fan_out: Orthogonal(),
    "zeros": lambda fan_in, fan_out: zeros(),
}


def start(name: Start | None, shape: tuple[int, ...]) -> Initializer:
    """Return how a weight `(..., inputs, outputs)` starts; unless named, as PyTorch's do.

    What comes before the last two axes are the places of a filter: each output sees the inputs at
    all of them.
    """
    n_places = prod(shape[:-2])
    return _STARTS[name or "kaiming_uniform"](n_places * shape[-2], n_places * shape[-1])


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the generator of the parameter `name`: Philox, its key from SHA-256 of both.

    >>> generator(7, "0.weight").random() == generator(7, "0.weight").random()
    True
    """
    digest = sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
