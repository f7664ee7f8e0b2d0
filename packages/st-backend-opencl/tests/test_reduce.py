"""Sums, maxima and argmax against NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CASES = [
    ((5,), (0,)),
    ((33, 70), (0,)),
    ((33, 70), (1,)),
    ((33, 70), (0, 1)),
    ((4, 5, 6, 7), (0, 2)),
    ((4, 5, 6, 7), (1, 3)),
    ((4, 5, 6, 7), (0, 2, 3)),
    ((4, 1, 6, 7), (0, 1)),
    ((5, 6), ()),
    ((), ()),
]
LONG = [((100_003,), (0,)), ((20_001, 3), (0,)), ((3, 20_001), (1,)), ((300, 200), (0,))]
# Blocks of 64 sums of 16 lanes: an error of (64 + n / 1024) half units of the sum of sizes.
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axes"), CASES + LONG, ids=str)
def test_float_sum_is_close_to_the_exact_one(
    run: Any, numbers: Any, shape: tuple[int, ...], axes: tuple[int, ...], dtype: str
) -> None:
    x = np.asarray(numbers.standard_normal(shape)).astype(dtype)
    exact = x.astype(np.longdouble).sum(axis=axes)

    got = run("sum", x, shape=exact.shape, dtype=dtype, axes=axes)

    scale = np.abs(x.astype(np.longdouble)).sum(axis=axes)
    assert np.all(np.abs(got - exact) <= TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("place", [0, 5, 17, 99])
def test_nan_wins_maximum_and_argmax(run: Any, numbers: Any, place: int) -> None:
    x = numbers.standard_normal((100, 3)).astype("f4")
    x[place, 1] = np.nan

    largest = run("max", x, shape=(3,), dtype="float32", axes=(0,))
    index = run("argmax", x, shape=(3,), dtype="int64", axis=0)

    assert np.array_equal(largest, x.max(axis=0), equal_nan=True)
    assert np.array_equal(index, x.argmax(axis=0))


def test_sum_of_nothing_is_zero(run: Any) -> None:
    assert run("sum", np.zeros((0, 3), "f4"), shape=(3,), dtype="float32", axes=(0,)).tolist() == [
        0,
        0,
        0,
    ]
    assert run("sum", np.zeros((3, 0), "f4"), shape=(3, 0), dtype="float32", axes=()).size == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_sum_over_any_axes_of_any_view(run: Any, data: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    whole = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    steps = [slice(None, None, data.draw(st.sampled_from([1, 2, -1]))) for _ in shape]
    view = whole[tuple(steps)].transpose(data.draw(st.permutations(range(len(shape)))))
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1)))))
    expected = np.asarray(view.sum(axis=axes))

    got = run("sum", view, shape=expected.shape, dtype="int64", axes=axes)

    assert np.array_equal(got, expected)


def test_sum_is_the_same_bits_every_time(run: Any, numbers: Any) -> None:
    x = numbers.standard_normal(200_000).astype("f4")

    sums = {run("sum", x, shape=(), dtype="float32", axes=(0,)).tobytes() for _ in range(5)}

    assert len(sums) == 1
