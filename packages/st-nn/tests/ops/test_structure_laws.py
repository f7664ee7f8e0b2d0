"""Laws of the operators that join, pick, order and fold, for any shape and type."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from st.core.backend import Backend
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape
from st.nn.testing.required import RequiredOnly

Array = NDArray[Any]

DTYPES = st.sampled_from(["float32", "float64", "int32", "int64", "uint32", "uint64"])
SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)
BACKENDS: dict[str, Backend] = {
    "own-kernels": NumPyBackend(),
    "required-kernels": RequiredOnly(NumPyBackend()),
}


@st.composite
def tables(draw: st.DrawFn, dtypes: st.SearchStrategy[str] = DTYPES) -> tuple[Array, int]:
    """Draw an array of some type (NaN and infinities included), and one of its axes."""
    dtype = draw(dtypes)
    # Few different values, so that many are equal.
    elements = st.sampled_from([0, 1, 2, 3]) if "int" in dtype else st.floats(width=32)
    x = draw(arrays.arrays(dtype, SHAPES, elements=elements))
    return x, draw(st.integers(-x.ndim, x.ndim - 1))


@pytest.fixture(scope="module", params=BACKENDS)
def name(request: pytest.FixtureRequest) -> str:
    param: str = request.param
    return param


def along(axis: int, n_axes: int, part: slice) -> tuple[slice, ...]:
    return (*[slice(None)] * (axis % n_axes), part)


@given(table=tables(), data=st.data())
def test_parts_of_a_whole_are_what_was_joined(
    name: str, table: tuple[Array, int], data: st.DataObject
) -> None:
    x, axis = table
    cut = data.draw(st.integers(0, x.shape[axis]))
    tape = Tape(BACKENDS[name])
    whole = tape.input(x)
    first, second = along(axis, x.ndim, slice(cut)), along(axis, x.ndim, slice(cut, None))

    joined = ops.concat([whole[first], whole[second]], axis)

    np.testing.assert_array_equal(joined.numpy(), x)
    np.testing.assert_array_equal(
        ops.concat([whole, whole], axis).numpy(), np.concatenate([x, x], axis)
    )


@given(table=tables(), before=st.integers(0, 3), after=st.integers(0, 3))
def test_padding_is_that_of_numpy(
    name: str, table: tuple[Array, int], before: int, after: int
) -> None:
    x, axis = table
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)

    padded = ops.pad(Tape(BACKENDS[name]).input(x), widths, 7)

    np.testing.assert_array_equal(padded.numpy(), np.pad(x, widths, constant_values=7))


@given(table=tables())
def test_order_is_that_of_numpy_and_undone_by_its_own_order(
    name: str, table: tuple[Array, int]
) -> None:
    x, axis = table
    tape = Tape(BACKENDS[name])

    values, indices = ops.sort(tape.input(x), axis)
    again = ops.take_along(values, ops.argsort(indices, axis), axis)

    np.testing.assert_array_equal(values.numpy(), np.sort(x, axis))
    np.testing.assert_array_equal(indices.numpy(), np.argsort(x, axis, kind="stable"))
    np.testing.assert_array_equal(again.numpy(), x)


@given(table=tables(), data=st.data())
def test_descending_order_begins_with_the_largest(
    name: str, table: tuple[Array, int], data: st.DataObject
) -> None:
    x, axis = table
    assume(x.shape[axis])
    tape = Tape(BACKENDS[name])
    descending = ops.sort(tape.input(x), axis, descending=True)[0]
    k = data.draw(st.integers(1, x.shape[axis]))

    values, indices = ops.top_k(tape.input(x), k, axis)

    first = along(axis, x.ndim, slice(k))
    np.testing.assert_array_equal(values.numpy(), descending.numpy()[first])
    np.testing.assert_array_equal(
        values.numpy(), np.take_along_axis(x, indices.numpy().astype(np.int64), axis)
    )


@given(table=tables(st.just("int32")), reverse=st.booleans())
def test_sums_so_far_of_integers_are_exact(
    name: str, table: tuple[Array, int], reverse: bool
) -> None:
    x, axis = table[0] * np.int32(700_000_001), table[1]
    turned = np.flip(x, axis) if reverse else x
    expected = np.cumsum(turned, axis, np.int32)

    made = ops.cumsum(Tape(BACKENDS[name]).input(x), axis, reverse=reverse)

    np.testing.assert_array_equal(made.numpy(), np.flip(expected, axis) if reverse else expected)


@given(table=tables(st.just("uint32")))
def test_products_of_integers_wrap_around(name: str, table: tuple[Array, int]) -> None:
    x, axis = table[0] * np.uint32(2_654_435_761), table[1]

    made = ops.prod(Tape(BACKENDS[name]).input(x), axis)

    np.testing.assert_array_equal(made.numpy(), x.prod(axis, dtype=np.uint32))


@given(table=tables())
def test_flipping_twice_gives_it_back(name: str, table: tuple[Array, int]) -> None:
    x, axis = table
    flipped = ops.flip(Tape(BACKENDS[name]).input(x), axis)

    np.testing.assert_array_equal(flipped.numpy(), np.flip(x, axis))
    np.testing.assert_array_equal(ops.flip(flipped, axis).numpy(), x)


@given(table=tables(), data=st.data())
def test_taking_along_an_axis_is_numpys_with_indices_clamped(
    name: str, table: tuple[Array, int], data: st.DataObject
) -> None:
    x, axis = table
    shape = list(x.shape)
    n = shape[axis]
    shape[axis] = data.draw(st.integers(0, 4 * min(n, 1)))
    indices = data.draw(arrays.arrays(np.int32, tuple(shape), elements=st.integers(-9, 9)))
    tape = Tape(BACKENDS[name])

    made = ops.take_along(tape.input(x), tape.input(indices), axis)

    inside = np.clip(indices.astype(np.int64), 0, max(n - 1, 0))
    np.testing.assert_array_equal(made.numpy(), np.take_along_axis(x, inside, axis))


@given(table=tables())
def test_smallest_is_numpys(name: str, table: tuple[Array, int]) -> None:
    x, axis = table
    assume(x.shape[axis])
    tape = Tape(BACKENDS[name])

    np.testing.assert_array_equal(ops.min(tape.input(x), axis).numpy(), x.min(axis))
    np.testing.assert_array_equal(ops.argmin(tape.input(x), axis).numpy(), x.argmin(axis))
