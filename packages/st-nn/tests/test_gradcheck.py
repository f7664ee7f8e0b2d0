"""gradcheck in one call: right derivatives pass, wrong ones are found and named."""

from collections.abc import Sequence

import numpy as np
import pytest

from st.nn import ops
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import Applied, Operator, Tensor, apply, of_one, operators
from st.nn.testing import GradientMismatchError, gradcheck


def test_right_derivative_passes_with_what_it_was_off() -> None:
    x, y = np.array([[0.3, -1.2]]), np.array([[0.5], [2.0]])

    assert gradcheck(lambda x, y: ops.exp(x) * y, x, y) < 1e-9


def test_wrong_derivative_is_found_and_the_input_named() -> None:
    def vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
        x, y = at.inputs
        return [dy * y, dy * x * 1.001]

    wrong = Operator("wrong", same(FLOATS, 2), of_one(vjp), lambda x, attrs: [x[0] * x[1]])
    handle = operators.register(wrong)
    try:
        with pytest.raises(GradientMismatchError, match=r"gradient of input 1 is off by 0\.00"):
            gradcheck(lambda x, y: apply("wrong", x, y), np.array([1.5]), np.array([2.0]))
    finally:
        handle.close()


def test_function_that_ignores_an_input_has_no_gradient_there() -> None:
    assert gradcheck(lambda x, y: x * 2.0, np.array([1.0, 2.0]), np.array([3.0])) < 1e-9


def test_function_of_nothing_passes() -> None:
    assert gradcheck(lambda x: x * 2.0, np.zeros((0, 3))) == 0.0


def test_input_made_of_another_input_is_counted_once() -> None:
    def filtered_by_itself(x: Tensor) -> Tensor:
        return ops.conv2d(x, ops.exp(x[:, :2, :2]).reshape(2, 2, 1, 1))

    assert gradcheck(filtered_by_itself, np.linspace(-1, 1, 9).reshape(1, 3, 3, 1)) < 1e-9
