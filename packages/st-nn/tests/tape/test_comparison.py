"""Tensors compare element by element, and choose where there is one value."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape

BACKEND = NumPyBackend()
RELATIONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
ROWS = arrays.arrays(np.float32, (5,), elements=st.floats(-3, 3, width=32) | st.just(float("nan")))


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.__name__)
@given(ROWS, ROWS)
def test_relations_are_those_of_numpy(relation: Callable[..., Any], x: Any, y: Any) -> None:
    tape = Tape(BACKEND)
    left, right = tape.input(x), tape.input(y)

    np.testing.assert_array_equal(relation(left, right).numpy(), relation(x, y))
    np.testing.assert_array_equal(relation(left, 0.5).numpy(), relation(x, np.float32(0.5)))
    np.testing.assert_array_equal(relation(1, right).numpy(), relation(np.float32(1), y))


def test_relations_broadcast() -> None:
    tape = Tape(BACKEND)
    x, y = np.arange(3.0).reshape(3, 1), np.arange(4.0)

    np.testing.assert_array_equal((tape.input(x) > tape.input(y)).numpy(), x > y)


def test_comparing_with_something_else_goes_by_identity() -> None:
    x = Tape(BACKEND).input(np.zeros(3))

    assert x != "x"
    assert (x == None) is False  # noqa: E711  (what is tested)
    assert {x: 1}[x] == 1


def test_control_flow_follows_the_value_of_an_eager_tensor() -> None:
    tape = Tape(BACKEND)
    x, n = tape.input(np.array([3.0])), 0

    while x > 1.0:
        x, n = x * 0.5, n + 1

    assert n == 2
    assert x.item() == 0.75
