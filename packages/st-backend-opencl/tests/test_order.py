"""Argsort: stable, along any axis, with the kernels of either class of device."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.mark.parametrize("length", [1, 2, 3, 31, 64, 65, 1000])
def test_argsort_is_stable_at_any_length(run: Any, numbers: Any, length: int) -> None:
    x = numbers.integers(0, 7, (3, length)).astype("f4")

    got = run("argsort", x, shape=x.shape, dtype="int64", axis=1)

    assert np.array_equal(got, np.argsort(x, 1, "stable"))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_argsort_takes_views_along_any_axis(run: Any, numbers: Any, axis: int) -> None:
    whole: NDArray[np.int64] = numbers.integers(-5, 5, (12, 7, 10))
    x = whole[::2, :, 1:9].transpose(1, 2, 0)

    got = run("argsort", x, shape=x.shape, dtype="int64", axis=axis)

    assert np.array_equal(got, np.argsort(x, axis, "stable"))


def test_nan_come_last(run: Any) -> None:
    x = np.array([np.nan, 1, -np.inf, np.nan, np.inf, 0], "f4")

    got = run("argsort", x, shape=x.shape, dtype="int64", axis=0)

    assert got.tolist() == [2, 5, 1, 4, 0, 3]
