"""Attention and positions: what they refuse, and the waves of the paper."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import Flatten, Linear, Module, MultiHeadAttention, Positions, TransformerBlock
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import Adam
from st.nn.predictor import Predictor
from st.nn.step import TrainingStep
from st.nn.tape import ShapeError


@pytest.mark.parametrize("width", [6, 7])
def test_positions_are_the_waves_of_the_paper(width: int) -> None:
    model = Model([("0", Positions())], spec((4, width), "float64"))

    (made,) = Predictor(model, {}, NumPyBackend())(np.zeros((1, 4, width)))

    for p in range(4):
        for i in range(width):
            angle = p / 10000 ** ((i - i % 2) / width)
            assert made[p, i] == pytest.approx(np.cos(angle) if i % 2 else np.sin(angle))


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (MultiHeadAttention(heads=4), (5, 6), "4 heads do not divide a width of 6"),
        (MultiHeadAttention(heads=2), (6,), r"input \(6,\) is not \(rows, width\)"),
        (Positions(), (6,), "is not"),
        (TransformerBlock(heads=2), (2, 5, 6), "is not"),
        (MultiHeadAttention(heads=2, causal=True), (10**7, 6), "at most 32768 rows"),
        (Positions(), (10**7, 600), "10000000 rows of 600 are more than"),
    ],
    ids=["heads", "vector", "positions", "block", "long causal", "long positions"],
)
def test_what_does_not_fit_is_refused(module: Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Model([("0", module)], spec(shape, "float32"))


def test_plan_of_a_transformer_equals_eager_bit_for_bit() -> None:
    modules = [Positions(), TransformerBlock(heads=2, causal=True), Flatten()]
    named = [(str(n), module) for n, module in enumerate([*modules, Linear(out_features=3)])]
    model = Model(named, spec((5, 6), "float32"))
    step = TrainingStep(model, CrossEntropy(), Adam(), NumPyBackend(), 4, model.initialise(0))
    x = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)

    assert step.check(x, np.array([0, 1, 2, 2])) == 0.0
