"""Whether two views share an element, against the list of all their elements."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from st.core.backend import Storage, View, spec
from st.nn.tape.views import overlap

STORAGE = Storage(4000, "input")
AXES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7)), max_size=3)


def view(axes: list[tuple[int, int]], offset: int) -> View:
    of = spec([n for n, _ in axes], "float32")
    return View(STORAGE, of, tuple(stride for _, stride in axes), offset)


def elements(x: View) -> set[int]:
    places = product(*(range(n) for n in x.spec.shape))
    return {
        x.offset + sum(i * s for i, s in zip(place, x.strides, strict=True)) for place in places
    }


@given(AXES, AXES, st.integers(0, 12), st.integers(0, 12))
def test_views_that_share_an_element_overlap(
    first: list[tuple[int, int]], second: list[tuple[int, int]], start: int, other: int
) -> None:
    a, b = view(first, start), view(second, other)

    assert overlap(a, b) or not elements(a) & elements(b)


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 30), st.integers(0, 30))
def test_columns_side_by_side_do_not_overlap(n: int, step: int, a: int, b: int) -> None:
    first, second = view([(n, step)], a), view([(n, step)], b)

    assert overlap(first, second) == bool(elements(first) & elements(second))
