"""Operators of a plugin in one file work like built-in ones, in either load order, until unload."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core import Registry
from st.core.backend import Backend, UnsupportedOperatorError, kernels, service_name, spec
from st.core.testing.backend import Case
from st.core.testing.backend import case_suite as kernel_case_suite
from st.nn import Adam, CrossEntropy, Linear, Model, Module, Scope, TrainingStep
from st.nn.numpy_backend import NumPyBackend
from st.nn.operator_registry import OPERATOR_REGISTRY, OperatorRegistry
from st.nn.tape import Tape, Tensor, UnknownOperatorError, apply, operators
from st.nn.testing import OperatorCase, gradcheck
from st.nn.testing.suite import case_suite

FILE = Path(__file__).with_name("sine.py")

X = np.linspace(-3.0, 3.0, 12).reshape(3, 4)


@pytest.fixture
def plugin(registry: Registry) -> Registry:
    registry.load_path(FILE)
    return registry


@pytest.fixture
def service(plugin: Registry) -> OperatorRegistry:
    return plugin.get_service(OPERATOR_REGISTRY)


@pytest.fixture
def numpy(plugin: Registry) -> Backend:
    backend: Backend = plugin.get_service(service_name("NumPy"))
    return backend


class Other(NumPyBackend):
    """NumPy under another name, for which no plugin has kernels."""

    name = "Other"


def snake(x: NDArray[Any], a: float) -> NDArray[Any]:
    made: NDArray[Any] = x + np.sin(a * x) ** 2 / a
    return made


class Snake(Module, frozen=True):
    a: float = 1.0

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        return apply("snake", x, a=self.a)


def test_operator_gives_values_and_gradients(service: OperatorRegistry) -> None:
    (y,) = service.execute("snake", X, a=2.0)
    (dx,) = service.backward("snake", [X], [X], a=2.0)

    assert dx is not None
    np.testing.assert_allclose(y, snake(X, 2.0))
    np.testing.assert_allclose(dx, X * (1 + np.sin(4 * X)))


def test_derivative_is_that_of_the_function(numpy: Backend) -> None:
    assert gradcheck(lambda x: apply("snake", x, a=1.5), X, backend=numpy) < 1e-6


@pytest.mark.parametrize("first", ["plugin", "backend"])
def test_plugin_and_backend_may_load_in_either_order(registry: Registry, first: str) -> None:
    steps: dict[str, Callable[[], Any]] = {
        "plugin": lambda: registry.load_path(FILE),
        "backend": lambda: registry.load("numpy"),
    }

    for step in (first, *(steps.keys() - {first})):
        steps[step]()

    (y,) = registry.get_service(OPERATOR_REGISTRY).execute("sine", X)
    np.testing.assert_allclose(y, np.sin(X))


def test_operator_works_in_a_module_and_a_training_plan(numpy: Backend) -> None:
    modules = [("0", Linear(out_features=8)), ("1", Snake(a=1.5)), ("2", Linear(out_features=2))]
    model = Model(modules, spec((4,), "float32"))
    step = TrainingStep(
        model, CrossEntropy(), Adam(lr=0.02), numpy, 3, parameters=model.initialise(1)
    )
    x, y = X.astype(np.float32), np.array([0, 1, 1])
    difference = step.check(x, y)
    step.run(x, y)
    first = step.read_loss()
    for _ in range(30):
        step.run(x, y)

    assert difference == 0.0
    assert step.read_loss() < first


def test_operator_without_kernel_or_decomposition_names_itself(
    plugin: Registry, numpy: Backend
) -> None:
    registry = plugin.get_service(OPERATOR_REGISTRY)
    tape = Tape(Other())

    assert "sine" in registry.find_by_backend("numpy")
    assert "sine" not in registry.find_by_backend("Other")
    assert "softmax" in registry.find_by_backend("Other")
    with (
        tape.at("net.3"),
        pytest.raises(UnsupportedOperatorError, match=r"Other: .*sine.*at net\.3.*no kernel"),
    ):
        apply("sine", tape.input(X))


def test_unload_takes_operators_and_kernels_away(plugin: Registry) -> None:
    assert kernels.get("sine", "numpy") is not None

    plugin.unregister("sine")

    assert kernels.get("sine", "numpy") is None
    assert not {"sine", "snake"} & set(operators.names())
    with pytest.raises(UnknownOperatorError, match="'snake'"):
        plugin.get_service(OPERATOR_REGISTRY).execute("snake", X, a=1.0)


def test_loading_and_unloading_leaves_nothing_behind(registry: Registry) -> None:
    registry.load("nn")
    before = operators.names()

    for _ in range(3):
        registry.load_path(FILE)
        registry.unregister("sine")

    assert operators.names() == before


class TestSineKernel(
    kernel_case_suite(  # type: ignore[misc]  # mypy knows no classes made by functions
        NumPyBackend,
        [
            Case("dense", "sine", (X,), np.sin(X), 1e-15),
            Case("turned", "sine", (X.T,), np.sin(X.T), 1e-15),
            Case("scalar", "sine", (X[0, 0],), np.asarray(np.sin(X[0, 0])), 1e-15),
        ],
    )
):
    """The suite of kernels takes those of plugins."""

    @pytest.fixture(autouse=True)
    def loaded(self, plugin: Registry) -> None:
        """Load the plugin."""


class TestSnakeOperator(
    case_suite(  # type: ignore[misc]  # mypy knows no classes made by functions
        NumPyBackend,
        [
            OperatorCase("sine", lambda x: apply("sine", x), np.sin, (X,)),
            OperatorCase(
                "snake", lambda x: apply("snake", x, a=2.0), lambda x: snake(x, 2.0), (X,)
            ),
        ],
    )
):
    """The suite of operators takes those of plugins."""

    @pytest.fixture(autouse=True)
    def loaded(self, plugin: Registry) -> None:
        """Load the plugin."""
