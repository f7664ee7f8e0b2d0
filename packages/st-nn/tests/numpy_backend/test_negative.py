"""The opposite of numbers that lie apart: NumPy's own function is wrong there for some strides."""

import numpy as np
import pytest

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32", "uint64"])
def test_numbers_that_lie_apart_are_turned_in_place(dtype: str, stride: int) -> None:
    values = np.arange(1, 40).astype(dtype)
    tape = Tape(NumPyBackend())
    part = tape.input(values)[::stride]

    ops.neg(part, out=part)

    np.testing.assert_array_equal(part.numpy(), np.subtract(0, values[::stride], dtype=dtype))


def test_opposite_of_0_is_minus_0_in_place_too() -> None:
    part = Tape(NumPyBackend()).input(np.zeros(8, np.float32))[::2]

    ops.neg(part, out=part)

    assert np.signbit(part.numpy()).all()
