"""Views against NumPy's, on random shapes."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from st.core.backend import Storage, View, dense, spec
from st.nn.tape import views


def shown(view: View) -> NDArray[Any]:
    """Return what a view shows of a storage whose elements are their own numbers."""
    size = view.storage.nbytes // 4
    strides = tuple(4 * stride for stride in view.strides)
    if view.spec.size == 0:
        return np.zeros(view.spec.shape, np.int32)
    return np.ndarray(
        view.spec.shape, np.int32, np.arange(size, dtype=np.int32), 4 * view.offset, strides
    )


@st.composite
def looked_at(draw: st.DrawFn) -> tuple[View, NDArray[Any]]:
    """Draw a view and the same as an array: a dense one, permuted and sliced."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    of = spec(shape, "int32")
    view, array = dense(Storage(of.nbytes, "input"), of), np.arange(of.size).reshape(shape)
    order = tuple(draw(st.permutations(range(len(shape)))))
    view, array = views.transposed(view, order), array.transpose(order)
    index = tuple(
        slice(draw(st.integers(0, n - 1)), n, draw(st.integers(1, 2))) for n in array.shape
    )
    return views.sliced(view, index), array[index]


@given(looked_at())
def test_slices_and_permutations_show_what_numpys_do(both: tuple[View, NDArray[Any]]) -> None:
    view, array = both

    np.testing.assert_array_equal(shown(view), array)


@given(looked_at(), st.data())
def test_reshape_shows_the_same_or_asks_for_a_copy(
    both: tuple[View, NDArray[Any]], data: st.DataObject
) -> None:
    view, array = both
    factors = data.draw(st.permutations([*_primes(array.size), 1]))
    cut = data.draw(st.integers(0, len(factors)))
    shape = (*factors[:cut], int(np.prod(factors[cut:])))

    made = views.reshaped(view, shape)

    if made is not None:
        np.testing.assert_array_equal(shown(made), array.reshape(shape))
    else:
        assert not view.is_dense


@given(looked_at(), st.integers(1, 3))
def test_broadcast_shows_what_numpys_does(both: tuple[View, NDArray[Any]], n: int) -> None:
    view, array = both
    shape = (n, *(5 if length == 1 else length for length in array.shape))

    np.testing.assert_array_equal(
        shown(views.broadcast(view, shape)), np.broadcast_to(array, shape)
    )


def test_reshape_of_a_turned_matrix_needs_a_copy() -> None:
    view = views.transposed(dense(Storage(24, "input"), spec((2, 3), "int32")), (1, 0))

    assert views.reshaped(view, (6,)) is None


def test_axes_that_stay_together_are_split_and_merged_without_a_copy() -> None:
    view = views.sliced(dense(Storage(480, "input"), spec((5, 6, 4), "int32")), (slice(1, 4),))
    turned = views.transposed(view, (2, 0, 1))

    made = views.reshaped(turned, (2, 2, 18))

    assert made is not None
    expected = np.arange(120).reshape(5, 6, 4)[1:4].transpose(2, 0, 1).reshape(2, 2, 18)
    np.testing.assert_array_equal(shown(made), expected)


def _primes(n: int) -> list[int]:
    found, divisor = [], 2
    while n > 1:
        while n % divisor == 0:
            found.append(divisor)
            n //= divisor
        divisor += 1
    return found
