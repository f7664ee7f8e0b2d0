"""Spaces: laws of cutting axes."""

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from st.backend.opencl.space import is_one_axis, refined, strides_over

sizes = st.lists(st.integers(1, 6), max_size=5).map(tuple)


@given(shape=sizes, strides=st.lists(st.integers(-7, 7), min_size=5, max_size=5), data=st.data())
def test_view_over_a_finer_space_names_the_same_elements(shape, strides, data):
    steps = tuple(strides[: len(shape)])
    whole = prod(shape)
    cut = data.draw(st.sampled_from([n for n in range(1, whole + 1) if whole % n == 0]))
    space = refined(shape, (whole // cut, cut))
    if space is None:
        return

    over = strides_over(space, shape, steps)

    def offsets(of, by):
        places = np.zeros(of, int)
        for axis, step in enumerate(by):
            line = [1] * len(of)
            line[axis] = of[axis]
            places = places + step * np.arange(of[axis]).reshape(line)
        return places.ravel()

    assert np.array_equal(offsets(space, over), offsets(shape, steps))


@given(shape=sizes)
def test_refining_a_shape_by_itself_leaves_axes_longer_than_one(shape):
    assert refined(shape, shape) == tuple(n for n in shape if n > 1)


def test_columns_of_a_view_are_one_axis_when_they_lie_evenly():
    assert is_one_axis((5, 2, 3), (9, 3, 1), 6)
    assert not is_one_axis((5, 2, 3), (9, 4, 1), 6)
    assert is_one_axis((5, 6), (1, 0), 6)
