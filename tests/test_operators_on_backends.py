"""Every operator, its decomposition and its gradient, on the backends that are installed here.

NumPy's own tests do this for NumPy. The tolerances for float32 stand in `st.nn.testing.suite`.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from st.core import Registry
from st.core.backend import Backend, Call, UnsupportedOperatorError, service_name, spec
from st.nn import (
    Adam,
    BatchNorm,
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    Module,
    Scope,
    TrainingStep,
)
from st.nn.host_fallback import HostFallback, RanOnHost
from st.nn.operator_registry import OPERATOR_REGISTRY, OperatorRegistry
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import (
    ForeignTensorError,
    HostMemoryError,
    Operator,
    Tape,
    Tensor,
    apply,
    from_dlpack,
    of_one,
)
from st.nn.testing import OperatorCase
from st.nn.testing.suite import case_suite, operator_suite

X = np.linspace(-2.0, 2.0, 12).reshape(3, 4).astype(np.float32)


def load(name: str) -> Backend:
    """Return a backend from a registry that stays for the rest of the process."""
    registry = Registry(environ=os.environ)
    registry.discover()
    backend: Backend = registry.get_service(service_name(name))
    return backend


TestOperatorsOnOpenCL = operator_suite(partial(load, "opencl"), "float32")


def sine(x: Tensor) -> Tensor:
    return apply("sine", x)


SINE = Operator(
    "sine",
    same(FLOATS, 1),
    of_one(lambda at, dy: [dy * sine(at.inputs[0] + np.pi / 2)]),
)


class Sine(Module, frozen=True):
    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        return sine(x)


def bind_sine(
    call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]
) -> Callable[[], object]:
    return partial(np.sin, inputs[0], outputs[0])


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(environ=os.environ) as made:
        made.discover()
        yield made


@pytest.fixture
def opencl(registry: Registry) -> Backend:
    backend: Backend = registry.get_service(service_name("OpenCL"))
    return backend


@pytest.fixture
def numpy(registry: Registry) -> Backend:
    backend: Backend = registry.get_service(service_name("NumPy"))
    return backend


@pytest.fixture
def operator_registry(registry: Registry) -> Iterator[OperatorRegistry]:
    """Give the service, with an operator that only NumPy has a kernel for."""
    service = registry.get_service(OPERATOR_REGISTRY)
    with service.register(SINE, kernels={"NumPy": bind_sine}):
        yield service


class TestOperatorWithKernelsForBoth(
    case_suite(  # type: ignore[misc]  # mypy knows no classes made by functions
        partial(load, "opencl"), [OperatorCase("sine", sine, np.sin, (X,))], "float32"
    )
):
    """A plugin gives OpenCL an expression, and the operator is one like all others."""

    @pytest.fixture(autouse=True)
    def loaded(self, registry: Registry) -> Iterator[None]:
        """Add the operator while the tests run."""
        service = registry.get_service(OPERATOR_REGISTRY)
        with service.register(SINE, kernels={"NumPy": bind_sine, "OpenCL": "sin(x)"}):
            assert "sine" in service.find_by_backend("OpenCL")
            yield


@pytest.mark.usefixtures("opencl")
def test_service_runs_the_same_operator_on_every_backend(
    operator_registry: OperatorRegistry,
) -> None:
    (here,), (there,) = (
        operator_registry.execute("softmax", X, backend=name) for name in ("numpy", "opencl")
    )

    np.testing.assert_allclose(there, here, rtol=1e-5)


def test_operator_for_another_backend_is_refused_and_runs_on_the_host_when_asked_to(
    registry: Registry, operator_registry: OperatorRegistry, opencl: Backend, numpy: Backend
) -> None:
    told: list[RanOnHost] = []
    registry.bus.subscribe(RanOnHost, told.append)
    modules = [("0", Linear(out_features=8)), ("1", Sine()), ("2", Linear(out_features=2))]
    model = Model(modules, spec((4,), "float32"))
    parts = (model, CrossEntropy(), Adam(lr=0.02))

    assert "sine" not in operator_registry.find_by_backend("OpenCL")
    with pytest.raises(UnsupportedOperatorError, match=r"OpenCL: .*sine.* at 1"):
        TrainingStep(*parts, opencl, 3, model.initialise(1))
    assert not told

    fallback = HostFallback(opencl, numpy, registry.bus.publish)
    step, alone = (TrainingStep(*parts, b, 3, model.initialise(1)) for b in (fallback, numpy))
    for _ in range(5):
        step.run(X, np.array([0, 1, 1]))
        alone.run(X, np.array([0, 1, 1]))
    assert [(event.backend, event.host, event.where) for event in told] == [
        ("OpenCL", "NumPy", "1"),
        ("OpenCL", "NumPy", "1:vjp"),
    ]
    assert step.read_loss() == pytest.approx(alone.read_loss(), rel=1e-4)


def test_model_that_draws_and_keeps_state_takes_the_same_steps_on_every_backend(
    opencl: Backend, numpy: Backend
) -> None:
    modules = [("0", BatchNorm()), ("1", Dropout(rate=0.3)), ("2", Linear(out_features=2))]
    model = Model(modules, spec((4,), "float32"))
    parts = model, CrossEntropy(), Adam(lr=0.02)
    steps = [TrainingStep(*parts, b, 3, model.initialise(1), seed=9) for b in (opencl, numpy)]

    for step in steps:
        step.check(X, np.array([0, 1, 1]))
        for _ in range(5):
            step.run(X, np.array([0, 1, 1]))

    there, here = (step.parameters() for step in steps)
    assert steps[0].read_loss() == pytest.approx(steps[1].read_loss(), rel=1e-5)
    for name in ("0.mean", "0.variance", "2.weight"):
        np.testing.assert_allclose(there[name], here[name], rtol=1e-4, atol=1e-5)


def test_tensors_of_two_backends_are_refused(opencl: Backend, numpy: Backend) -> None:
    with pytest.raises(ForeignTensorError, match=r"on NumPy, not on OpenCL.*tape\.input"):
        Tape(opencl).input(X) + Tape(numpy).input(X)


def test_values_leave_a_device_by_copy_and_enter_through_dlpack(
    opencl: Backend, numpy: Backend
) -> None:
    there = from_dlpack(Tape(opencl), Tape(numpy).input(X))

    np.testing.assert_array_equal((there + there).numpy(), X + X)
    with pytest.raises(HostMemoryError, match=r"OpenCL keeps .*\.numpy\(\)"):
        np.from_dlpack(there)
