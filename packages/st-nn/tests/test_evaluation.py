import numpy as np
import pytest

from st.nn.data import Dataset
from st.nn.evaluation import evaluate


def _numbers(*values: float) -> Dataset:
    y = np.array(values, np.float32).reshape(-1, 1)
    return Dataset(np.zeros((len(y), 1), np.float32), y, (), np.arange(len(y)))


def test_highest_score_is_the_class() -> None:
    data = Dataset(np.zeros((3, 1), np.float32), np.array([0, 1, 1]), ("a", "b"), np.arange(3))

    evaluation = evaluate(data, np.array([[2, 1], [0, 1], [5, 0]]))

    assert evaluation.predicted.tolist() == [0, 1, 0]
    assert (evaluation.n_correct, evaluation.accuracy) == (2, pytest.approx(2 / 3))


def test_numbers_are_judged_by_distance() -> None:
    evaluation = evaluate(_numbers(1, 2, 3), np.array([[1], [2], [5]], np.float32))

    # Squared differences 0, 0, 4; the targets' own spread is 1 + 0 + 1.
    assert evaluation.metrics == {"rmse": pytest.approx((4 / 3) ** 0.5), "r2": pytest.approx(-1)}


def test_mean_of_the_targets_explains_nothing_and_the_targets_all() -> None:
    data = _numbers(1, 2, 6)

    assert evaluate(data, np.full((3, 1), 3.0)).metrics["r2"] == pytest.approx(0)
    assert evaluate(data, data.y).metrics == {"rmse": 0, "r2": 1}


def test_constant_targets_are_all_or_nothing() -> None:
    data = _numbers(2, 2)

    assert evaluate(data, data.y).metrics["r2"] == 1
    assert evaluate(data, data.y + 1).metrics["r2"] == 0
