"""Sums by BLAS: every way of doing them gives the sum."""

import numpy as np
import pytest

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape

EPSILON = np.finfo(np.float32).eps


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((6, 28, 28, 5), (0, 1, 2)),
        ((5003, 3), (0,)),
        ((300, 7), (1,)),
        ((2, 5, 9, 8), (2,)),
        ((4, 3, 2, 2, 8), (2, 3)),
    ],
    ids=["in-two", "prime", "rows-in-strips", "middle", "few"],
)
def test_sum_is_that_of_float64(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = x.astype(np.float64).sum(axes)

    found = ops.sum(Tape(NumPyBackend()).input(x), axes).numpy()

    n = x.size // expected.size
    bound = np.sqrt(n) * 4 * EPSILON * np.sqrt(np.square(x, dtype=np.float64).sum(axes).max())
    assert np.abs(found - expected).max() <= bound
