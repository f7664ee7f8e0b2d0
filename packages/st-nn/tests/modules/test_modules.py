"""Modules against PyTorch's: reference/make_torch_modules.py stored what those gave."""

import json
from pathlib import Path

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Gelu,
    LayerNorm,
    Linear,
    MaxPool2d,
    Module,
    Sigmoid,
    Silu,
    Softplus,
    Tanh,
)
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import Adam
from st.nn.predictor import Predictor
from st.nn.step import TrainingStep
from st.nn.tape import ShapeError

TORCH = json.loads((Path(__file__).parent.parent / "reference" / "torch_modules.json").read_text())
N_STEPS = 6


def network(dtype: str) -> Model:
    modules: list[Module] = [
        Conv2d(out_channels=4, padding=1),
        Gelu(approximate="tanh"),
        MaxPool2d(),
        Conv2d(out_channels=6, stride=2, padding=1, groups=2),
        Silu(),
        Flatten(),
        LayerNorm(),
        Linear(out_features=5),
    ]
    return Model([(str(n), module) for n, module in enumerate(modules)], spec((8, 8), dtype))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 5e-4)])
def test_convolutional_network_gives_pytorchs_numbers(dtype: str, tolerance: float) -> None:
    model = network(dtype)
    generator = np.random.default_rng(8)
    parameters = {name: generator.normal(0, 0.4, p.shape) for name, p in model.parameters.items()}
    batches = [
        (generator.normal(size=(10, 8, 8)), generator.integers(0, 5, 10)) for _ in range(N_STEPS)
    ]
    backend = NumPyBackend()
    logits = Predictor(model, parameters, backend)(batches[0][0].astype(dtype))
    step = TrainingStep(model, CrossEntropy(), Adam(lr=0.01), backend, 10, parameters)
    losses = []

    for x, y in batches:
        step.run(x.astype(dtype), y)
        losses.append(step.read_loss())

    np.testing.assert_allclose(logits, TORCH["logits"], atol=tolerance)
    np.testing.assert_allclose(losses, TORCH["losses"], atol=tolerance)


def test_plan_of_the_network_equals_eager_bit_for_bit() -> None:
    model = network("float32")
    step = TrainingStep(model, CrossEntropy(), Adam(), NumPyBackend(), 4, model.initialise(0))
    x = np.random.default_rng(1).normal(size=(4, 8, 8)).astype(np.float32)

    assert step.check(x, np.array([0, 1, 4, 2])) == 0.0


@pytest.mark.parametrize(
    ("module", "formula"),
    [
        (Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (Softplus(), lambda x: np.log1p(np.exp(x))),
        (Tanh(), np.tanh),
    ],
    ids=["sigmoid", "softplus", "tanh"],
)
def test_activation_is_its_formula(module: Module, formula: object) -> None:
    assert callable(formula)
    x = np.linspace(-3, 3, 12).reshape(2, 6)
    model = Model([("0", module)], spec((6,), "float64"))

    np.testing.assert_allclose(Predictor(model, {}, NumPyBackend())(x), formula(x), rtol=1e-12)


def test_average_pool_takes_means_side_by_side() -> None:
    model = Model([("0", AvgPool2d())], spec((4, 6, 3), "float64"))
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3))

    got = Predictor(model, {}, NumPyBackend())(x)

    np.testing.assert_allclose(got, x.reshape(2, 2, 2, 3, 2, 3).mean((2, 4)), rtol=1e-12)


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (Conv2d(out_channels=2, kernel=9), (8, 8), "9 x 9 does not fit an image of 8 x 8"),
        (Conv2d(out_channels=2, groups=2), (8, 8, 3), "2 groups do not divide 3 channels"),
        (Conv2d(out_channels=2), (8,), "is no image"),
        (MaxPool2d(size=3), (2, 2), "3 x 3 does not fit"),
        (LayerNorm(), (), "no features"),
    ],
    ids=["kernel", "groups", "vector", "pool", "scalar"],
)
def test_what_a_module_cannot_take_is_refused(
    module: Module, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        Model([("0", module)], spec(shape, "float32"))


@pytest.mark.parametrize("pool", [MaxPool2d(size=3, padding=2), AvgPool2d(size=1, padding=1)])
def test_pool_that_could_see_nothing_but_padding_is_refused(pool: Module) -> None:
    with pytest.raises(ShapeError, match="is more than half of a window"):
        Model([("0", pool)], spec((6, 6, 1), "float32"))
