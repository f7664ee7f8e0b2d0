"""The error function beside that of the standard library."""

from math import erf

import numpy as np
import pytest

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import DTypeError, Tape


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-7), ("float64", 1e-15)])
@pytest.mark.parametrize("reach", [1e-30, 1e-3, 0.5, 8.0, 1e30])
def test_error_is_small_relatively_wherever_it_is_asked_for(
    dtype: str, tolerance: float, reach: float
) -> None:
    x = np.linspace(-reach, reach, 4001).astype(dtype)

    found = ops.erf(Tape(NumPyBackend()).input(x)).numpy()

    assert found.dtype == dtype
    np.testing.assert_allclose(found, [erf(value) for value in x], rtol=tolerance, atol=0)


def test_gelu_by_an_unknown_formula_is_refused() -> None:
    x = Tape(NumPyBackend()).input(np.zeros(3))

    with pytest.raises(DTypeError, match="approximate is 'none' or 'tanh', not 'quick'"):
        ops.gelu(x, approximate="quick")
