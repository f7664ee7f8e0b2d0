"""Sketches: quantiles to 2.2 percent, and parts that merge into the whole."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.sketch import Sketch, bucket_of, middle

NUMBERS = st.floats(-1e300, 1e300).filter(lambda v: v == 0 or abs(v) > 1e-300)


def sketch(values: list[float]) -> Sketch:
    made = Sketch()
    for value in values:
        made.add(value)
    return made


@given(st.lists(NUMBERS, min_size=1), st.floats(0, 1))
def test_quantile_is_within_two_point_two_percent(values: list[float], q: float) -> None:
    exact = sorted(values)[math.floor(q * (len(values) - 1))]

    # Half a bucket of 2 ** (1/16), and rounding of the logarithm at a bucket's edge.
    assert sketch(values).quantile(q) == pytest.approx(exact, rel=2 ** (1 / 32) - 1 + 1e-9)


@given(st.lists(st.lists(st.integers(-(2**50), 2**50)), max_size=5))
def test_merged_parts_are_the_whole_bit_for_bit(parts: list[list[int]]) -> None:
    merged = Sketch()
    for part in parts:
        merged.merge(sketch([float(v) for v in part]))

    whole = sketch([float(v) for part in parts for v in part])
    assert merged.to_json() == whole.to_json()


@given(NUMBERS, NUMBERS)
def test_buckets_are_in_the_order_of_their_values(one: float, two: float) -> None:
    assert (bucket_of(one) <= bucket_of(two)) or one > two


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_middle_of_a_bucket_has_the_sign_of_its_values(value: float) -> None:
    stands_for = middle(bucket_of(value))

    assert math.isfinite(stands_for)
    assert (stands_for > 0) == (value > 0)


@given(st.lists(NUMBERS))
def test_what_is_stored_is_read_back(values: list[float]) -> None:
    facts = sketch(values).to_json()

    assert Sketch.from_json(json.loads(json.dumps(facts, allow_nan=False))).to_json() == facts


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        {"buckets": 3},
        {"buckets": {"x": 1, "9" * 400: 1, "5": -1, "6": "many"}},
        {"n": 7, "low": "low", "buckets": {}},
    ],
    ids=["nothing", "list", "number", "bad buckets", "no buckets"],
)
def test_what_is_no_sketch_reads_as_an_empty_one(facts: object) -> None:
    assert Sketch.from_json(facts).n == 0  # type: ignore[arg-type]  # anything may be in a file
