"""What plugins change takes effect at the next step, and what is bound outlives what is gone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from st.core import Registry
from st.core.backend import Backend, service_name, spec
from st.nn import SGD, Linear, MeanSquaredError, Model, Module, Predictor, Scope, TrainingStep
from st.nn.tape import Tensor, apply

PLUGIN = """\
from functools import partial

import numpy as np

from st.core import Plugin, PluginMetadata
from st.nn.operator_registry import OPERATOR_REGISTRY
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import Operator, of_one

FACTOR = 2.0


def bind(call, inputs, outputs):
    return partial(np.multiply, inputs[0], inputs[0].dtype.type(FACTOR), outputs[0])


class Gain(Plugin):
    metadata = PluginMetadata("gain", "1.0")

    def on_load(self, ctx):
        vjp = of_one(lambda at, dy: [dy * FACTOR])
        made = Operator("gain", same(FLOATS, 1), vjp, arity=1)
        ctx.get_service(OPERATOR_REGISTRY).register(made, kernels={"NumPy": bind}, ctx=ctx)
"""
X = np.ones((2, 3), np.float32)


class Gain(Module, frozen=True):
    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        return apply("gain", x)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "gain.py"
    made.write_text(PLUGIN, encoding="utf-8")
    return made


@pytest.fixture
def loaded(registry: Registry, file: Path) -> Registry:
    registry.load_path(file)
    return registry


@pytest.fixture
def numpy(loaded: Registry) -> Backend:
    backend: Backend = loaded.get_service(service_name("NumPy"))
    return backend


@pytest.fixture
def change(loaded: Registry, file: Path) -> Callable[[], object]:
    """Give a function that reloads the plugin with a factor of 5."""

    def changed() -> None:
        file.write_text(PLUGIN.replace("FACTOR = 2.0", "FACTOR = 5.0"), encoding="utf-8")
        loaded.reload("gain")

    return changed


def model_of(*modules: Module) -> Model:
    return Model([(str(n), m) for n, m in enumerate(modules)], spec((3,), "float32"))


def made_step(numpy: Backend) -> TrainingStep:
    model = model_of(Gain(), Linear(out_features=1, bias=False))
    first = {"1.weight": np.zeros((3, 1), np.float32)}
    return TrainingStep(model, MeanSquaredError(), SGD(lr=0.5), numpy, 2, first)


def test_prediction_uses_the_reloaded_kernel(numpy: Backend, change: Callable[[], object]) -> None:
    predictor = Predictor(model_of(Gain()), {}, numpy)
    before = predictor(X)

    change()

    np.testing.assert_array_equal(before, 2 * X)
    np.testing.assert_array_equal(predictor(X), 5 * X)


def test_next_step_uses_the_reloaded_kernel_and_derivative(
    numpy: Backend, change: Callable[[], object]
) -> None:
    step = made_step(numpy)
    y = np.ones((2, 1), np.float32)
    step.run(X, y)
    first = step.parameters()["1.weight"].copy()
    step.load_parameters({"1.weight": np.zeros((3, 1), np.float32)})

    change()
    step.run(X, y)

    # From weights of 0 the error is -1, and the gradient of a weight -2 times what comes in.
    np.testing.assert_allclose(first, np.full((3, 1), 2.0))
    np.testing.assert_allclose(step.parameters()["1.weight"], np.full((3, 1), 5.0))
    assert step.n_steps == 2


def test_loss_of_steps_before_a_reload_is_not_lost(
    numpy: Backend, change: Callable[[], object]
) -> None:
    step = made_step(numpy)
    step.run(X, np.ones((2, 1), np.float32))
    step.load_parameters({"1.weight": np.zeros((3, 1), np.float32)})

    change()
    step.run(X, np.full((2, 1), 3.0, np.float32))

    assert step.read_loss() == (1.0 + 9.0) / 2


def test_bound_plans_outlive_the_operator(loaded: Registry, numpy: Backend) -> None:
    step, predictor = made_step(numpy), Predictor(model_of(Gain()), {}, numpy)
    predictor(X)

    loaded.unregister("gain")
    step.run(X, np.ones((2, 1), np.float32))

    np.testing.assert_array_equal(predictor(X), 2 * X)
    np.testing.assert_allclose(step.parameters()["1.weight"], np.full((3, 1), 2.0))
