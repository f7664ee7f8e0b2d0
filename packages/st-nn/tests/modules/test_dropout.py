"""Dropout in a model: what it leaves out, when, and what the derivative sees."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn import ops
from st.nn.model import Model
from st.nn.modules import Dropout, TransformerBlock
from st.nn.numpy_backend import NumPyBackend
from st.nn.predictor import Predictor
from st.nn.scope import TapeScope
from st.nn.tape import Tape, gradients
from st.nn.variables import Variables

X = np.random.default_rng(0).normal(size=(200, 50)).astype(np.float32)


def trained(rate: float, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return output and gradient of a training pass."""
    tape = Tape(NumPyBackend())
    x, counter = tape.input(X), tape.input(np.array([7, step], np.uint64))
    scope = TapeScope(tape, Variables("float32", {}, counter.view), "", True)
    y = scope.apply("0", Dropout(rate=rate), x)
    (dx,) = gradients(ops.sum(y), [x])
    assert dx is not None
    return y.numpy(), dx.numpy()


def test_training_leaves_out_a_share_and_makes_the_rest_larger() -> None:
    y, dx = trained(0.25)

    left = y != 0
    # Six standard deviations of a share of 10,000.
    assert abs(left.mean() - 0.75) < 6 * (0.25 * 0.75 / X.size) ** 0.5
    np.testing.assert_allclose(y[left], X[left] / 0.75, rtol=1e-6)
    np.testing.assert_allclose(dx, left / 0.75, rtol=1e-6)


def test_two_steps_leave_out_others() -> None:
    assert not np.array_equal(trained(0.5, 1)[0] == 0, trained(0.5, 2)[0] == 0)


def test_rate_of_nothing_draws_nothing() -> None:
    assert Model([("0", Dropout(rate=0.0))], spec((5,), "float32")).n_draws == 0
    assert Model([("0", Dropout(rate=0.1))], spec((5,), "float32")).n_draws == 1


def test_prediction_leaves_out_nothing() -> None:
    model = Model([("0", Dropout(rate=0.9))], spec((50,), "float32"))

    np.testing.assert_array_equal(Predictor(model, {}, NumPyBackend())(X), X)


@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_mean_over_many_steps_is_the_input(rate: float) -> None:
    n_steps = 100
    mean = sum(trained(rate, step)[0] for step in range(n_steps)) / n_steps

    # Standard deviation of a number's mean is |x| sqrt(rate / (1 - rate) / steps); six of them.
    allowed = 6 * np.abs(X) * (rate / (1 - rate) / n_steps) ** 0.5 + 1e-6
    assert (np.abs(mean - X) <= allowed).all()


def test_transformer_block_leaves_out_of_what_it_adds() -> None:
    whole, dropping = TransformerBlock(heads=2), TransformerBlock(heads=2, dropout=0.5)
    model = Model([("0", dropping)], spec((5, 4), "float32"))

    assert model.n_draws == 2
    assert list(model.parameters) == list(Model([("0", whole)], model.input).parameters)
