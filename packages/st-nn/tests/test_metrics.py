"""Metrics against what NumPy says in float64, batch by batch and as a whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from st.core.backend import spec
from st.nn import ops
from st.nn.judge import COLLECTED_BATCHES, Judge
from st.nn.metrics import (
    F1,
    Accuracy,
    MeanAbsoluteError,
    Metric,
    Nats,
    Perplexity,
    TopKAccuracy,
    sums,
)
from st.nn.model import Model
from st.nn.modules import Flatten, Linear, Reshape
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import ShapeError, Tape, Tensor

N, CLASSES = 37, 5


def _model(*places: int) -> Model:
    """Return a model whose scores are what enters, so that tests decide them."""
    modules = [("0", Flatten()), ("1", Reshape(shape=(*places, CLASSES)))]
    return Model(modules, spec((*places, CLASSES), "float32"))


def _judged(
    metrics: dict[str, Metric], scores: NDArray[Any], y: NDArray[Any], batch_size: int = 8
) -> dict[str, float]:
    judge = Judge(_model(*scores.shape[1:-1]), metrics, {}, NumPyBackend())
    for start in range(0, len(y), batch_size):
        part = slice(start, start + batch_size)
        np.testing.assert_array_equal(judge(scores[part], y[part]), scores[part])
    return judge.read()


def _shares(scores: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(scores.astype(np.float64))
    shares: NDArray[Any] = powers / powers.sum(-1, keepdims=True)
    return shares


def _f1(said: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the mean of 2 tp / (2 tp + fp + fn), 0 where that is 0 / 0."""
    counts = [
        (((said == c) & (y == c)).sum(), ((said == c) ^ (y == c)).sum()) for c in range(CLASSES)
    ]
    return float(
        np.mean([2 * tp / (2 * tp + wrong) if tp + wrong else 0.0 for tp, wrong in counts])
    )


@pytest.mark.parametrize("places", [(), (3,)], ids=["one label", "three labels"])
def test_figures_of_classes_are_those_of_numpy(places: tuple[int, ...]) -> None:
    source = np.random.default_rng(1)
    scores = source.normal(size=(N, *places, CLASSES)).astype(np.float32)
    y = source.integers(0, CLASSES - 1, (N, *places))  # the last class is never there
    metrics: dict[str, Metric] = {
        "accuracy": Accuracy(),
        "top": TopKAccuracy(k=2),
        "f1": F1(),
        "nats": Nats(),
        "perplexity": Perplexity(),
    }

    found = _judged(metrics, scores, y)

    order = np.argsort(-scores, axis=-1)
    nats = -np.log(np.take_along_axis(_shares(scores), y[..., None], -1)).mean()
    assert found == {
        "accuracy": pytest.approx((order[..., 0] == y).mean()),
        "top": pytest.approx((order[..., :2] == y[..., None]).any(-1).mean()),
        "f1": pytest.approx(_f1(order[..., 0].ravel(), y.ravel()), rel=1e-6),
        "nats": pytest.approx(nats, rel=1e-6),
        "perplexity": pytest.approx(np.exp(nats), rel=1e-6),
    }


def test_distance_of_numbers_is_that_of_numpy() -> None:
    source = np.random.default_rng(2)
    said, y = (source.normal(size=(N, CLASSES)).astype(np.float32) for _ in range(2))

    found = _judged({"distance": MeanAbsoluteError()}, said, y)

    assert found["distance"] == pytest.approx(np.abs(said - y).mean(dtype=np.float64), rel=1e-6)


@given(batch_size=some.integers(1, N), seed=some.integers(0, 99))
def test_figures_do_not_depend_on_the_batches(batch_size: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    scores = source.normal(size=(N, CLASSES)).astype(np.float32)
    y = source.integers(0, CLASSES, N)
    metrics: dict[str, Metric] = {"accuracy": Accuracy(), "f1": F1(), "nats": Nats()}

    whole = _judged(metrics, scores, y, N)

    assert _judged(metrics, scores, y, batch_size) == pytest.approx(whole, rel=1e-6)


def test_sums_are_read_before_they_lose_their_digits() -> None:
    y = np.zeros((4 * COLLECTED_BATCHES, CLASSES), np.float32)
    said = np.full_like(y, 0.1)

    judge = Judge(_model(), {"distance": MeanAbsoluteError()}, {}, NumPyBackend())
    for start in range(len(y)):
        judge(said[start : start + 1], y[start : start + 1])

    assert len(judge._plans) == 1
    assert judge.read()["distance"] == pytest.approx(float(np.float32(0.1)), rel=1e-6)


def test_reading_begins_anew() -> None:
    judge = Judge(_model(), {"accuracy": Accuracy()}, {}, NumPyBackend())
    scores = np.eye(CLASSES, dtype=np.float32)
    judge(scores, np.arange(CLASSES))
    assert judge.read() == {"accuracy": 1.0}

    judge(scores, np.arange(CLASSES)[::-1].copy())

    assert judge.read() == {"accuracy": pytest.approx(1 / CLASSES)}
    assert judge.read() == {}


def test_judge_takes_other_parameters() -> None:
    model = Model([("0", Linear(out_features=2))], spec((2,), "float32"))
    judge = Judge(model, {"accuracy": Accuracy()}, model.initialise(1), NumPyBackend())
    x, y = np.eye(2, dtype=np.float32), np.arange(2)

    figures = []
    for sign in (1, -1):
        judge.load({"0.weight": sign * np.eye(2, dtype=np.float32), "0.bias": np.zeros(2)})
        judge(x, y)
        figures.append(judge.read()["accuracy"])

    assert figures == [1.0, 0.0]


class Halves(Metric, frozen=True):
    def measure(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return (ops.mean(prediction),)


def test_measure_that_loses_the_batch_is_refused() -> None:
    tape = Tape()
    prediction, target = (tape.new(spec((7, 2), "float32"), role="input") for _ in range(2))

    with pytest.raises(ShapeError, match="does not begin with the batch"):
        sums(Halves(), prediction, target)


def test_figures_of_classes_need_scores() -> None:
    with pytest.raises(ShapeError, match=r"takes scores \(batch, classes\)"):
        Accuracy().target(spec((7,), "float32"))
