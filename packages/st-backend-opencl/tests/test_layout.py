"""Axes merged and sorted: the same elements, fewer axes."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from st.backend.opencl import layout


def addresses(shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """Return where each element lies, in C order of `shape`."""
    grid = np.zeros(shape, int)
    for axis, (n, step) in enumerate(zip(shape, strides, strict=True)):
        grid += (np.arange(n) * step).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return grid.reshape(-1)


SHAPES = st.lists(st.integers(1, 4), max_size=5)


@given(shape=SHAPES, data=st.data())
def test_merging_keeps_every_address_in_order(shape: list[int], data: Any) -> None:
    strides = [tuple(data.draw(st.integers(-3, 12)) for _ in shape) for _ in range(2)]

    merged = layout.merge(shape, strides)

    for before, after in zip(strides, merged.strides, strict=True):
        assert np.array_equal(addresses(tuple(shape), before), addresses(merged.shape, after))


@given(shape=SHAPES, data=st.data())
def test_any_permutation_of_dense_axes_is_one_axis(shape: list[int], data: Any) -> None:
    whole = np.zeros(shape, np.int8)
    view = whole.transpose(data.draw(st.permutations(range(len(shape)))))

    found = layout.elementwise(view.shape, [view.strides])

    assert len(found.shape) <= 1


@given(shape=SHAPES, data=st.data())
def test_one_reduced_axis_of_a_dense_array_is_always_found(shape: list[int], data: Any) -> None:
    axis = data.draw(st.integers(0, max(0, len(shape) - 1)))
    strides = tuple(step for step in np.zeros(shape, np.int8).strides)

    found = layout.reduction(shape, strides, (axis,))

    assert found is not None
    assert np.prod(found.shape) == np.prod(shape)
    assert np.array_equal(
        np.sort(addresses(found.shape, found.strides)), np.sort(addresses(tuple(shape), strides))
    )


def test_kept_axis_between_reduced_ones_does_not_fit_one_pass() -> None:
    assert layout.reduction((2, 3, 4), (12, 4, 1), (0, 2)) is None


def test_padding_puts_axes_of_length_one_in_front() -> None:
    padded = layout.merge((2, 3), [(6, 1)]).padded()

    assert padded.shape == (1, 1, 1, 1, 1, 1, 2, 3)
    assert padded.strides == ((0, 0, 0, 0, 0, 0, 6, 1),)
