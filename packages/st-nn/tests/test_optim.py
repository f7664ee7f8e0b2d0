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
from st.nn.optim import SGD, Adam, AdamW, Group, GroupError, Optimizer, parts
from st.nn.step import TrainingStep

SIZES = (12, 16, 8, 5)
BATCH, N_STEPS = 20, 12
LAST_FROZEN = Group(match="4.*", lr_scale=0.0)
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
    "sgd-groups": SGD(
        lr=0.05,
        momentum=0.9,
        weight_decay=0.1,
        groups=(Group(match="*.bias", lr_scale=0.1, weight_decay=0.0), LAST_FROZEN),
    ),
    "adamw-groups": AdamW(
        lr=0.01,
        weight_decay=0.1,
        groups=(Group(match="*.bias", lr_scale=2.0, weight_decay=0.0), LAST_FROZEN),
    ),
    "adamw-groups-clip": AdamW(
        lr=0.01, clip_norm=0.3, groups=(Group(match="*.bias", lr_scale=2.0), LAST_FROZEN)
    ),
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


def test_first_group_that_matches_counts_and_the_rest_has_none() -> None:
    optimizer = AdamW(groups=(Group(match="*.bias"), Group(match="0.*", weight_decay=0.5)))

    first, *rest = parts(optimizer, ["0.weight", "0.bias", "1.weight", "1.bias"])

    assert first.names == ("1.weight",)
    assert [part.names for part in rest] == [("0.bias", "1.bias"), ("0.weight",)]
    assert [part.optimizer for part in rest] == [AdamW(), AdamW(weight_decay=0.5)]


def test_group_without_parameters_is_refused() -> None:
    with pytest.raises(GroupError, match=r"no parameter is called '\*\.bais'; there are 0\.bias"):
        parts(Adam(groups=(Group(match="*.bais"),)), ["0.bias"])


def test_decay_of_a_group_needs_an_optimizer_that_decays() -> None:
    with pytest.raises(ValueError, match="Adam has no weight_decay"):
        Adam(groups=(Group(match="*", weight_decay=0.1),))


@pytest.mark.parametrize("optimizer", [Adam(), SGD(lr=0.1, momentum=0.9)], ids=["adam", "momentum"])
def test_sums_of_gradients_that_ended_stay_normal_numbers(optimizer: Optimizer) -> None:
    model = Model([("0", Linear(out_features=2))], spec((3,), "float32"))
    step = TrainingStep(
        model, CrossEntropy(), optimizer, NumPyBackend(), 2, model.initialise(seed=1)
    )
    x, y = np.ones((2, 3), np.float32), np.array([0, 1])
    step.run(x, y)
    for _ in range(1500):
        step.run(np.zeros_like(x), y)

    sums = [values for name, values in step.state().items() if "sum" in name or "mom" in name]
    for values in sums:
        assert not ((values != 0) & (np.abs(values) < np.finfo(np.float32).tiny)).any()
