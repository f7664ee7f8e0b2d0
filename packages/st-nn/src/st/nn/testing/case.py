"""What a case of an operator is, and the numbers it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.nn.tape import Tensor

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class OperatorCase:
    """A function of tensors, the same in NumPy, and floating inputs to try it on."""

    id: str
    function: Callable[..., Tensor]
    oracle: Callable[..., Array]
    inputs: tuple[Array, ...]


def numbers(*shape: int, seed: int = 0, positive: bool = False) -> Array:
    """Return values between -2 and 2 (0.5 and 2), no two near each other, none near 0.

    So that no finite difference steps over a kink.
    """
    size = int(np.prod(shape))
    if positive:
        spread = np.linspace(0.5, 2.0, size)
    else:
        # Every seed has values of its own, so that no two inputs are equal anywhere.
        spread = np.linspace(-2.0, 2.0, 2 * size)[::2] + 0.01 + 0.003 * seed
    return np.random.default_rng(seed).permutation(spread).reshape(shape)
