import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from st.nn.data import DataError, Dataset, batches
from st.nn.data.prefetch import Prefetched


@given(
    n=some.integers(0, 30),
    size=some.integers(1, 8),
    ahead=some.integers(1, 5),
    first=some.integers(0, 3),
)
def test_batches_and_their_order_are_the_same(n: int, size: int, ahead: int, first: int) -> None:
    x = np.arange(n, dtype=np.float32).reshape(n, 1)
    data = Dataset(x, np.arange(n), tuple(map(str, range(n))), np.arange(1, n + 1))

    with Prefetched(batches(data, size, seed=3, epoch=1, first=first), ahead) as found:
        labels = [y.tolist() for _, y in found]

    plain = batches(data, size, seed=3, epoch=1, first=first)
    assert labels == [y.tolist() for _, y in plain]


def test_no_more_is_made_than_was_asked_for() -> None:
    made: list[int] = []
    fourth = threading.Event()

    def count() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                fourth.set()
            yield number

    with Prefetched(count(), 2) as found:
        assert next(found) == 0
        # One was taken, two are ready, and the fourth waits for its place.
        assert fourth.wait(30)
        assert made == [0, 1, 2, 3]


def test_error_comes_after_what_was_given_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise DataError("rows.csv", "path", "numbers", "line 7: 'x'")

    with Prefetched(broken(), 4) as found:
        assert [next(found), next(found)] == [1, 2]
        with pytest.raises(DataError, match=r"rows\.csv: expected numbers, given line 7"):
            next(found)


def test_thread_is_over_when_the_context_is() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 1

    before = threading.active_count()
    with Prefetched(endless(), 3) as found:
        next(found)
        assert threading.active_count() == before + 1

    assert threading.active_count() == before
