"""Optimizers against PyTorch: losses that reference/make_torch_losses.py stored."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import Linear, Module, Relu
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import SGD, Adam, AdamW, Optimizer
from st.nn.step import TrainingStep

SIZES = (12, 16, 8, 5)
BATCH, N_STEPS = 20, 12
OPTIMIZERS = {
    "adam": Adam(lr=0.01),
    "adam-betas": Adam(lr=0.02, beta1=0.8, beta2=0.95, epsilon=1e-4),
    "sgd": SGD(lr=0.1),
    "sgd-momentum": SGD(lr=0.05, momentum=0.9),
    "sgd-nesterov": SGD(lr=0.05, momentum=0.9, nesterov=True),
    "sgd-decay": SGD(lr=0.05, momentum=0.5, weight_decay=0.1),
    "sgd-clip": SGD(lr=0.1, clip_norm=0.3),
    "adamw": AdamW(lr=0.01, weight_decay=0.1),
    "adamw-clip": AdamW(lr=0.01, clip_norm=0.3),
}
TORCH = json.loads((Path(__file__).parent / "reference" / "torch_losses.json").read_text())


def taken(optimizer: Optimizer, dtype: str) -> list[float]:
    """Take the steps of the reference and return the loss before each."""
    generator = np.random.default_rng(5)
    parameters = {}
    for n, (n_in, n_out) in enumerate(pairwise(SIZES)):
        parameters[f"{2 * n}.weight"] = generator.normal(0, n_in**-0.5, (n_in, n_out))
        parameters[f"{2 * n}.bias"] = generator.normal(0, 0.1, n_out)
    batches = [
        (generator.normal(size=(BATCH, SIZES[0])), generator.integers(0, SIZES[-1], BATCH))
        for _ in range(N_STEPS)
    ]
    layers: list[Module] = [Linear(out_features=16), Relu(), Linear(out_features=8), Relu()]
    layers.append(Linear(out_features=5))
    model = Model([(str(n), layer) for n, layer in enumerate(layers)], spec(SIZES[:1], dtype))
    step = TrainingStep(model, CrossEntropy(), optimizer, NumPyBackend(), BATCH, parameters)
    losses = []
    for x, y in batches:
        step.run(x.astype(dtype), y)
        losses.append(step.read_loss())
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_equal_pytorchs(name: str) -> None:
    np.testing.assert_allclose(taken(OPTIMIZERS[name], "float64"), TORCH[name], rtol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_in_single_precision_stay_near_pytorchs(name: str) -> None:
    # Twelve steps of float32 rounding; three decimals are asked for.
    np.testing.assert_allclose(taken(OPTIMIZERS[name], "float32"), TORCH[name], atol=5e-5)


def test_adam_follows_its_definition_in_one_step() -> None:
    optimizer = Adam(lr=0.1)
    gradient, first = 0.3, 1.0

    rate, epsilon = optimizer.scalars(1, 0.1)
    moved = first - rate * gradient / (np.sqrt(gradient**2) + epsilon)

    # With bias correction the first step of Adam is lr, whatever the gradient.
    assert moved == pytest.approx(first - 0.1 * gradient / (gradient + 1e-8), rel=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_rate_is_an_input_of_the_step(optimizer: Optimizer) -> None:
    assert optimizer.scalars(3, 0.2)[0] == pytest.approx(2 * optimizer.scalars(3, 0.1)[0])


def test_momentum_zero_keeps_no_state() -> None:
    assert SGD(lr=0.1).vectors() == ()
    assert SGD(lr=0.1, momentum=0.5).vectors() == ("momentum",)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        SGD(lr=0.1, nesterov=True)
