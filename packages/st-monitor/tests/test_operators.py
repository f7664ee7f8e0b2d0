"""The table of operators beside plain counting in float64."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.operators import MAX_ROWS, OTHER, OperatorName, Operators, batch
from st.monitor.sketch import Sketch

DURATIONS = st.lists(st.integers(0, 2**54), min_size=1, max_size=200)


def add(table: Operators, names: list[tuple[str, str, str]], durations: list[int]) -> None:
    rows = table.rows(names, len(names))
    table.add(batch(rows, [1000] * len(names), [1000 + d for d in durations]))


@given(DURATIONS)
def test_columns_count_like_one_number_after_the_other(durations: list[int]) -> None:
    table = Operators()
    add(table, [("matmul", "NumPy", "body.0")] * len(durations), durations)

    [(name, n, sketch)] = list(table)

    known = [max(d, 1) for d in durations]
    assert (name, n) == (OperatorName("matmul", "NumPy", "body.0"), len(durations))
    assert (sketch.total, sketch.low, sketch.high) == (sum(known), min(known), max(known))
    exact = sorted(known)[math.floor(0.5 * (len(known) - 1))]
    assert sketch.quantile(0.5) == pytest.approx(exact, rel=2 ** (1 / 32) - 1 + 1e-9)


@given(st.lists(DURATIONS, min_size=1, max_size=4))
def test_batches_merge_into_the_whole_bit_for_bit(parts: list[list[int]]) -> None:
    whole, merged = Operators(), Sketch()
    for durations in parts:
        part = Operators()
        for table in (whole, part):
            add(table, [("add", "NumPy", "")] * len(durations), durations)
        merged.merge(part.sketch(0))

    assert merged.to_json() == whole.sketch(0).to_json()


def test_operators_are_kept_apart_by_backend_and_place() -> None:
    table = Operators()
    add(table, [("add", "NumPy", "a"), ("add", "OpenCL", "a"), ("add", "NumPy", "b")], [1, 2, 3])

    assert [int(total) for total in table.total_ns[:3]] == [1, 2, 3]


def test_a_million_names_are_counted_in_bounded_memory() -> None:
    table = Operators()
    for first in range(0, 1_000_000, 50_000):
        names = [(f"op{i}", "NumPy", "") for i in range(first, first + 50_000)]
        table.count(table.rows(names, len(names)))

    assert len(table.names) == MAX_ROWS
    assert table.names[-1] == OTHER
    assert int(table.n.sum()) == 1_000_000
    assert int(table.n[MAX_ROWS - 1]) == 1_000_000 - (MAX_ROWS - 1)


def test_end_before_start_counts_as_the_shortest_time() -> None:
    table = Operators()
    add(table, [("add", "NumPy", "")], [-5])

    assert table.sketch(0).high == 1


@pytest.mark.parametrize("times", [["soon"], [1.5], [2**70], [None]], ids=str)
def test_what_is_no_time_is_refused(times: list[object]) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        batch(np.zeros(1, np.int64), times, times)
