"""gradcheck finds derivatives that are wrong, and only those."""

import numpy as np
import pytest

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Operator, Tensor, of_one, operators
from st.nn.testing import GradientMismatchError, gradcheck

X = np.random.default_rng(0).normal(size=(3, 4))


def test_right_derivative_passes_with_its_difference() -> None:
    found = gradcheck(lambda x, y: ops.tanh(x) * y, X, X[::-1].copy(), backend=NumPyBackend())

    assert 0 <= found < 1e-9


def test_second_derivative_can_be_checked() -> None:
    from st.nn.tape import gradients

    def slope(x: Tensor) -> Tensor:
        (found,) = gradients(ops.sum(ops.exp(x) * x), [x])
        assert found is not None
        return found

    assert gradcheck(slope, X, backend=NumPyBackend()) < 1e-9


def test_wrong_derivative_of_an_own_operator_is_found() -> None:
    handle = operators.register(
        Operator(
            "test_square",
            lambda inputs, attrs: inputs,
            of_one(lambda at, dy: [dy * at.inputs[0]]),  # half of what it should be
            lambda x, attrs: [x[0] * x[0]],
        )
    )
    try:
        with pytest.raises(GradientMismatchError, match=r"gradient of input 0 is off by 0\.5"):
            gradcheck(lambda x: x.tape.emit("test_square", (x,))[0], X, backend=NumPyBackend())
    finally:
        handle.close()


def test_function_that_ignores_an_input_has_gradient_zero() -> None:
    assert gradcheck(lambda x, y: x * 2.0, X, X, backend=NumPyBackend()) < 1e-9
