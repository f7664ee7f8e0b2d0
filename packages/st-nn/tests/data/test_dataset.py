import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as draw

from st.nn.data import DataError, Dataset


def _dataset(labels: list[int], n_classes: int = 4) -> Dataset:
    n = len(labels)
    x = np.arange(n, dtype=np.float32).reshape(n, 1)
    classes = tuple(f"class {label}" for label in range(n_classes))
    return Dataset(x, np.array(labels, np.int64), classes, np.arange(1, n + 1))


many_labels = draw.lists(draw.integers(0, 3), min_size=2, max_size=60)
shares = draw.floats(0.01, 0.99)
seeds = draw.integers(0, 2**63 - 1)


@given(many_labels, seeds)
def test_split_loses_and_doubles_no_row(labels: list[int], seed: int) -> None:
    data = _dataset(labels)

    learned, held_out = data.split(0.4, seed)

    assert sorted([*learned.rows, *held_out.rows]) == list(range(1, len(labels) + 1))
    for part in (learned, held_out):
        np.testing.assert_array_equal(part.x[:, 0], part.rows - 1)
        np.testing.assert_array_equal(part.y, data.y[part.rows - 1])


@given(many_labels, shares, seeds)
def test_every_class_gives_its_share_give_or_take_one(
    labels: list[int], share: float, seed: int
) -> None:
    data = _dataset(labels)
    n_held_out = int(np.ceil(share * len(labels) - 1e-9))

    if n_held_out == len(labels):
        with pytest.raises(DataError, match="leaves rows on both sides"):
            data.split(share, seed)
        return
    _, held_out = data.split(share, seed)

    assert len(held_out) == n_held_out
    given_up = np.bincount(held_out.y, minlength=4)
    exact = np.bincount(data.y, minlength=4) * (n_held_out / len(labels))
    assert np.abs(given_up - exact).max() < 1


def test_the_seed_decides_what_is_held_out() -> None:
    data = _dataset([0, 1] * 40)

    first, again, other = (data.split(0.25, seed)[1].rows.tolist() for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_split_of_a_seed_stays_the_same_for_ever() -> None:
    _, held_out = _dataset([0, 1, 2, 3] * 5).split(0.2, seed=7)

    # From the raw Philox stream of key (7, 1), ordered by value.
    raw = np.random.Philox(key=np.array([7, 1], np.uint64)).random_raw(20)
    first_of_class = [min(range(label, 20, 4), key=lambda row: raw[row]) for label in range(4)]
    assert held_out.rows.tolist() == sorted(row + 1 for row in first_of_class)


def test_labels_without_a_class_are_refused() -> None:
    with pytest.raises(DataError, match="expected labels 0 to 1, given labels 0 to 2"):
        _dataset([0, 2], n_classes=2)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match="2 examples, 1 labels, 2 row numbers"):
        Dataset(np.zeros((2, 1), np.float32), np.zeros(1, np.int64), ("a",), np.arange(2))
