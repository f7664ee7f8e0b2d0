"""Rows taken from and added to tables, indices beyond the table included."""

from typing import Any

import numpy as np
import pytest

INDICES = ["int32", "int64", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
@pytest.mark.parametrize("index", INDICES)
def test_take_gives_rows_and_clamps_indices(run: Any, numbers: Any, index: str, dtype: str) -> None:
    table = numbers.integers(0, 2, (10, 3, 7)).astype(dtype)
    picks = np.array([[0, 9, 3], [25, 9, 1]], index)

    got = run("take", table, picks, shape=(2, 3, 3, 7), dtype=dtype)

    assert np.array_equal(got, table[np.minimum(picks, 9)])


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_negative_index_means_the_first_row(run: Any, index: str) -> None:
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    picks = np.array([-1, np.iinfo(index).min], index)

    assert run("take", table, picks, shape=(2, 2), dtype="float32").tolist() == [[0, 1], [0, 1]]


def test_largest_unsigned_index_means_the_last_row(run: Any) -> None:
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    picks = np.array([2**64 - 1], np.uint64)

    assert run("take", table, picks, shape=(1, 2), dtype="float32").tolist() == [[6, 7]]


def test_take_from_a_view_and_with_indices_of_any_stride(run: Any, numbers: Any) -> None:
    table = numbers.standard_normal((6, 20)).astype("f4")
    picks = np.arange(24).reshape(4, 6)[:, ::2] % 6

    for view in (table[::2], table.T[:6], table[:, ::3]):
        got = run("take", view, picks, shape=(4, 3, view.shape[1]), dtype="float32")
        assert np.array_equal(got, view[np.minimum(picks, len(view) - 1)])


def test_take_from_a_table_without_rows_gives_zeros(run: Any) -> None:
    got = run("take", np.zeros((0, 3), "f4"), np.array([0, 5]), shape=(2, 3), dtype="float32")

    assert not got.any()


def test_take_of_nothing_is_nothing(run: Any) -> None:
    empty = np.zeros((0,), np.int64)

    assert run("take", np.ones((4, 3), "f4"), empty, shape=(0, 3), dtype="float32").size == 0


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("dtype", ["float32"])
def test_scatter_add_equals_numpys_in_order(run: Any, numbers: Any, index: str, dtype: str) -> None:
    picks = numbers.integers(0, 12, (4, 50)).astype(index)
    updates = (numbers.standard_normal((4, 50, 37)) * 100).astype(dtype)
    expected = np.zeros((10, 37), dtype)
    np.add.at(expected, np.minimum(picks, 9), updates)

    got = run("scatter_add", picks, updates, shape=(10, 37), dtype=dtype)

    assert np.array_equal(got, expected)


def test_scatter_add_into_many_rows_shared_between_threads(run: Any, numbers: Any) -> None:
    picks = numbers.integers(-5, 5000, 20_000)
    updates = numbers.standard_normal((20_000, 9)).astype("f4")
    expected = np.zeros((4000, 9), "f4")
    np.add.at(expected, np.clip(picks, 0, 3999), updates)

    got = run("scatter_add", picks, updates, shape=(4000, 9), dtype="float32")

    assert np.array_equal(got, expected)


def test_rows_nobody_adds_to_are_zero(run: Any) -> None:
    updates = np.zeros((0, 3), "f4")

    got = run("scatter_add", np.zeros(0, np.int64), updates, shape=(5, 3), dtype="float32")

    assert np.array_equal(got, np.zeros((5, 3), "f4"))
