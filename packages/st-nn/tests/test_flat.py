"""Flat vectors: boundaries, and the round trip of any shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.core.backend import DTYPES, Storage
from st.nn.flat import BOUNDARY, layout

SHAPES = st.dictionaries(
    st.text("abc.", min_size=1, max_size=4),
    st.lists(st.integers(0, 5), max_size=3).map(tuple),
    max_size=6,
)


@given(SHAPES, st.sampled_from(["float32", "float64"]))
def test_arrays_come_back_as_they_were(shapes: dict[str, tuple[int, ...]], dtype: str) -> None:
    flat = layout(shapes, dtype)
    generator = np.random.default_rng(0)
    arrays = {name: generator.normal(size=shape).astype(dtype) for name, shape in shapes.items()}

    back = flat.unpack(flat.pack(arrays))

    assert list(back) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].shape == array.shape


@given(SHAPES, st.sampled_from(["float32", "float64"]))
def test_every_part_starts_on_a_boundary_and_none_overlap(
    shapes: dict[str, tuple[int, ...]], dtype: str
) -> None:
    flat = layout(shapes, dtype)

    end = 0
    for offset, shape in flat.parts.values():
        assert offset * DTYPES[dtype] % BOUNDARY == 0
        assert offset >= end
        end = offset + int(np.prod(shape))
    assert end <= flat.size


def test_gaps_are_zero() -> None:
    flat = layout({"a": (3,), "b": (2,)}, "float32")

    packed = flat.pack({"a": np.ones(3), "b": np.ones(2)})

    assert packed.sum() == 5
    assert packed.size == 64


def test_views_lie_where_the_parts_are() -> None:
    flat = layout({"a": (3,), "b": (2, 2)}, "float32")
    storage = Storage(flat.n_bytes, "state")

    view = flat.view(storage, "b")

    assert (view.offset, view.spec.shape, view.storage) == (32, (2, 2), storage)
    assert flat.whole(storage).spec.shape == (64,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_parameters_are_an_empty_vector(dtype: str) -> None:
    assert layout({}, dtype).size == 0
