"""Everything is found by its name, and computes what NumPy computes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from st_snake.focal import Focal
from st_snake.lion import Lion
from st_snake.modules import Siren, Snake

from st.core import Registry
from st.core.backend import spec
from st.nn import MODULE_REGISTRY, Linear, Model, Module, Predictor, TrainingStep
from st.nn.examples import run_examples
from st.nn.operator_registry import OPERATOR_REGISTRY
from st.nn.tape import Tape, gradients


@pytest.fixture
def installed() -> Iterator[Registry]:
    """The plugins that are installed, with this one loaded."""
    with Registry() as registry:
        registry.discover()
        registry.load("snake")
        yield registry


def predicted(
    registry: Registry, module: Module, x: NDArray[Any]
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    model = Model([("0", module)], spec(x.shape[1:], "float32"))
    parameters = model.initialise(seed=1)
    return Predictor(model, parameters, registry.get_service("backend.numpy"))(x), parameters


@pytest.mark.parametrize("name", ["snake", "siren", "focal", "lion"])
def test_examples_of_the_manifest_hold(installed: Registry, name: str) -> None:
    assert run_examples(name, installed) == 1


def test_modules_are_made_without_loading_anything_by_hand() -> None:
    with Registry() as registry:
        registry.discover()
        modules = registry.get_service(MODULE_REGISTRY)

        assert modules.create("snake", {"frequency": "2"}) == Snake(frequency=2.0)
        assert modules.create("siren", {"out_features": 3}) == Siren(out_features=3)


def test_operator_goes_with_the_plugin(installed: Registry) -> None:
    operators = installed.get_service(OPERATOR_REGISTRY)
    assert "sine" in operators.list()

    installed.unregister("snake")

    assert "sine" not in operators.list()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_decomposition_and_kernel_are_the_sine(installed: Registry, dtype: str) -> None:
    x = np.linspace(-30, 30, 601).astype(dtype)
    tolerance = 1e-13 if dtype == "float64" else 1e-5

    (by_kernel,) = installed.get_service(OPERATOR_REGISTRY).execute("sine", x)
    tape = Tape(installed.get_service("backend.numpy"), supports=lambda op, *rest: op != "sine")
    from st_snake.sine import sine

    by_parts = sine(tape.input(x)).numpy()

    np.testing.assert_allclose(by_kernel, np.sin(x), atol=tolerance)
    np.testing.assert_allclose(by_parts, np.sin(x), atol=tolerance)


def test_derivative_is_the_cosine(installed: Registry) -> None:
    x = np.linspace(-9, 9, 50)

    (dx,) = installed.get_service(OPERATOR_REGISTRY).backward("sine", [x])

    np.testing.assert_allclose(dx, np.cos(x), atol=1e-12)


def test_modules_equal_numpy(installed: Registry) -> None:
    x = np.linspace(-4, 4, 24, dtype=np.float32).reshape(8, 3)

    snake, _ = predicted(installed, Snake(frequency=2.0), x)
    siren, of = predicted(installed, Siren(out_features=5, omega=3.0), x)

    np.testing.assert_allclose(snake, x + np.sin(2 * x) ** 2 / 2, rtol=1e-5, atol=1e-6)
    inner = x @ of["0.linear.weight"] + of["0.linear.bias"]
    np.testing.assert_allclose(siren, np.sin(3 * inner), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gamma", [0, 1, 2])
def test_focal_loss_equals_its_formula(installed: Registry, gamma: int) -> None:
    scores = np.random.default_rng(3).normal(size=(6, 4))
    labels = np.array([0, 1, 2, 3, 1, 1])
    tape = Tape(installed.get_service("backend.numpy"))
    prediction = tape.input(scores)

    loss = Focal(gamma=gamma).forward(prediction, tape.input(labels))

    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    p = shares[np.arange(6), labels]
    assert loss.item() == pytest.approx(np.mean((1 - p) ** gamma * -np.log(p)))
    (gradient,) = gradients(loss, [prediction])
    assert gradient is not None
    np.testing.assert_allclose(gradient.numpy().sum(1), 0, atol=1e-12)


def test_lion_takes_the_steps_of_its_paper(installed: Registry) -> None:
    model = Model([("0", Linear(out_features=2, bias=False))], spec((3,), "float32"))
    optimizer = Lion(lr=0.01)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3)).astype(np.float32), np.array([0, 1, 1, 0])
    weight = model.initialise(seed=2)["0.weight"]
    backend = installed.get_service("backend.numpy")
    step = TrainingStep(model, Focal(gamma=0), optimizer, backend, 4, {"0.weight": weight})
    mean = np.zeros_like(weight)
    for _ in range(3):
        shares = np.exp(x @ weight) / np.exp(x @ weight).sum(1, keepdims=True)
        gradient = x.T @ (shares - np.eye(2)[y]) / 4
        weight = weight - 0.01 * np.sign(0.9 * mean + 0.1 * gradient)
        mean = 0.99 * mean + 0.01 * gradient
        step.run(x, y)

    np.testing.assert_allclose(step.parameters()["0.weight"], weight, rtol=1e-5)
