"""Matrix products against float64, in every layout."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = [
    (1, 1, 1),
    (3, 4, 5),
    (64, 64, 64),
    (7, 65, 10),
    (1, 300, 63),
    (13, 0, 5),
    (0, 4, 5),
    (4, 5, 0),
    (100, 1030, 130),
    (130, 300, 300),
]
LAYOUTS = {"plain": (False, False), "At": (True, False), "Bt": (False, True), "AtBt": (True, True)}


def turned(x: Any) -> Any:
    """Return the same matrix lying in memory the other way round."""
    return np.ascontiguousarray(np.swapaxes(x, -1, -2)).swapaxes(-1, -2)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_float_product_is_close_to_the_exact_one(
    run: Any, numbers: Any, size: tuple[int, int, int], layout: str
) -> None:
    m, k, n = size
    a, b = (numbers.standard_normal(shape).astype("f4") for shape in [(m, k), (k, n)])
    x, y = (turned(z) if turn else z for z, turn in zip((a, b), LAYOUTS[layout], strict=True))

    got = run("matmul", x, y, shape=(m, n), dtype="float32")

    exact = a.astype("f8") @ b.astype("f8")
    scale = np.abs(a).astype("f8") @ np.abs(b).astype("f8")
    assert np.all(np.abs(got - exact) <= 2e-6 * scale)


@pytest.mark.parametrize("dtype", ["float64", "int32", "int64", "uint32", "uint64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_product_of_other_dtypes_equals_numpy(
    run: Any, numbers: Any, layout: str, dtype: str
) -> None:
    a, b = (numbers.integers(0, 50, shape).astype(dtype) for shape in [(7, 33), (33, 21)])
    x, y = (turned(z) if turn else z for z, turn in zip((a, b), LAYOUTS[layout], strict=True))

    assert np.array_equal(run("matmul", x, y, shape=(7, 21), dtype=dtype), a @ b)


def test_leading_axes_are_a_batch_and_may_be_broadcast(run: Any, numbers: Any) -> None:
    a = numbers.integers(-9, 9, (2, 3, 9, 8)).astype("f4")
    b = numbers.integers(-9, 9, (2, 1, 8, 70)).astype("f4")

    got = run("matmul", a, np.broadcast_to(b, (2, 3, 8, 70)), shape=(2, 3, 9, 70), dtype="float32")

    assert np.array_equal(got, a @ b)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_product_of_any_slices(run: Any, data: Any) -> None:
    m, k, n = (data.draw(st.integers(1, 70), label=name) for name in "mkn")
    step = data.draw(st.sampled_from([1, 2, -1]))
    a = np.arange(m * k * 2, dtype=np.float32).reshape(m, k * 2)[:, ::2][::step] % 7
    whole = np.arange(2 * k * (n + 3), dtype=np.float32).reshape(2 * k, n + 3) % 5
    b = whole[:k, 1 : n + 1] if step == 1 else whole[::2, 2 : n + 2]

    assert np.array_equal(run("matmul", a, b, shape=(a.shape[0], n), dtype="float32"), a @ b)


def test_what_lies_behind_a_matrix_never_reaches_the_product(run: Any) -> None:
    whole = np.full((9, 100), np.nan, "f4")
    whole[:4, :10] = 1

    got = run("matmul", np.ones((5, 4), "f4"), whole[:4, :10], shape=(5, 10), dtype="float32")

    assert np.array_equal(got, np.full((5, 10), 4, "f4"))
