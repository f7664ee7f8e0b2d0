import numpy as np
from hypothesis import given
from hypothesis import strategies as draw

from st.nn.data import Dataset, batches


def _dataset(n: int) -> Dataset:
    x = np.arange(n, dtype=np.float32).reshape(n, 1)
    return Dataset(x, np.arange(n), tuple(map(str, range(n))), np.arange(1, n + 1))


def _labels(data: Dataset, size: int, seed: int, epoch: int, first: int = 0) -> list[list[int]]:
    found = batches(data, size, seed=seed, epoch=epoch, first=first)
    return [labels.tolist() for _, labels in found]


@given(draw.integers(0, 40), draw.integers(1, 50), draw.integers(0, 2**63 - 1))
def test_an_epoch_is_every_row_once_in_full_batches_but_the_last(
    n: int, size: int, seed: int
) -> None:
    cut = _labels(_dataset(n), size, seed, epoch=1)

    assert sorted(label for batch in cut for label in batch) == list(range(n))
    assert all(len(batch) == size for batch in cut[:-1])


def test_examples_and_labels_stay_together() -> None:
    for x, y in batches(_dataset(10), 3, seed=7, epoch=1):
        np.testing.assert_array_equal(x[:, 0], y)
        assert x.dtype == np.float32
        assert x.flags.c_contiguous


def test_order_is_a_function_of_seed_and_epoch() -> None:
    data = _dataset(30)

    assert _labels(data, 4, 7, 1) == _labels(data, 4, 7, 1)
    assert _labels(data, 4, 7, 1) != _labels(data, 4, 7, 2)
    assert _labels(data, 4, 7, 1) != _labels(data, 4, 8, 1)


@given(draw.integers(0, 5))
def test_an_interrupted_epoch_goes_on_where_it_stopped(done: int) -> None:
    data = _dataset(10)

    assert _labels(data, 3, 7, 2, first=done) == _labels(data, 3, 7, 2)[done:]
