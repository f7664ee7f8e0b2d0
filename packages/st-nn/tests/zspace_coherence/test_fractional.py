"""The taps: fractional differences follow their laws, resonators are damped waves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape
from st.nn.testing import gradcheck
from st.nn.zspace_coherence.fractional import fractional_taps, resonator_taps, tap_bank

Array = NDArray[np.float64]
LAW = settings(max_examples=15, deadline=None)
ORDERS = st.floats(-2.0, 3.0)


def taps(*orders: float, n: int = 12) -> Array:
    tape = Tape(NumPyBackend())
    return fractional_taps(tape.input(np.array(orders)), n).numpy()


def test_orders_zero_one_and_two_are_the_row_and_its_differences() -> None:
    expected = [[1, 0, 0, 0, 0], [1, -1, 0, 0, 0], [1, -2, 1, 0, 0]]

    np.testing.assert_array_equal(taps(0.0, 1.0, 2.0, n=5), expected)


@LAW
@given(ORDERS, ORDERS)
def test_one_difference_after_another_adds_their_orders(a: float, b: float) -> None:
    (first,), (second,), (both,) = taps(a), taps(b), taps(a + b)

    found = np.convolve(first, second)[:12]
    size = np.convolve(np.abs(first), np.abs(second))[:12]
    np.testing.assert_allclose(found, both, rtol=0, atol=1e-13 * size.max())


@LAW
@given(ORDERS, st.integers(1, 70))
def test_taps_are_those_of_the_recursion(order: float, n: int) -> None:
    expected = [1.0]
    for k in range(1, n):
        expected.append(expected[-1] * (k - 1 - order) / k)

    np.testing.assert_allclose(taps(order, n=n)[0], expected, rtol=1e-12, atol=1e-15)


@LAW
@given(st.floats(0.1, 2.8), st.floats(4.0, 63.0))
def test_resonators_are_damped_waves(turn: float, life: float) -> None:
    tape, k = Tape(NumPyBackend()), np.arange(20)
    given = tape.input(np.array([turn])), tape.input(np.array([np.log(life)]))

    cosine, sine = resonator_taps(*given, 20).numpy()

    np.testing.assert_allclose(cosine, np.exp(-k / life) * np.cos(turn * k), atol=1e-13)
    np.testing.assert_allclose(sine, np.exp(-k / life) * np.sin(turn * k), atol=1e-13)


def test_learned_taps_have_exact_gradients() -> None:
    orders, mixture = np.array([0.0, 1.0, -0.5]), np.linspace(-1, 1, 6).reshape(2, 3)

    assert gradcheck(lambda a, m: tap_bank(fractional_taps(a, 7), m), orders, mixture) < 1e-8
    waves = np.array([2.8, 0.3]), np.log([4.0, 20.0])
    assert gradcheck(lambda turn, life: resonator_taps(turn, life, 9), *waves) < 1e-8
