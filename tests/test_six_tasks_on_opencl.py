"""Ten Adam steps of the six tasks that training is measured on, on both backends."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.backend.opencl import OpenCLBackend, choose, find_devices
from st.core import Registry
from st.core.backend import Backend, spec
from st.nn import Adam, CrossEntropy, Model, TrainingStep, choose_backend

N_STEPS = 10
REFERENCE = Path(__file__).parent.parent / "packages" / "st-nn" / "tests" / "reference"
TASKS = ["mlp32", "mlp256", "cnn8", "cnn28", "characters"]


@pytest.fixture(scope="module")
def six_models() -> Any:
    """Give the module of the six models, which lies beside its reference."""
    sys.path.insert(0, str(REFERENCE))
    try:
        return import_module("six_models")
    finally:
        sys.path.remove(str(REFERENCE))


@pytest.fixture(scope="module")
def opencl() -> OpenCLBackend:
    return OpenCLBackend(choose(find_devices()))


@pytest.fixture(scope="module")
def numpy_backend() -> Backend:
    registry = Registry()
    registry.discover()
    return choose_backend(registry, "numpy").backend


def losses(step: TrainingStep, task: Any, six_models: Any, dtype: str = "float32") -> list[float]:
    """Return the loss of each step."""
    found = []
    for n in range(N_STEPS):
        x, y = task.batches[n % len(task.batches)]
        x = six_models.input_of(task, x)
        step.run(x.astype(dtype) if x.dtype.kind == "f" else x, y)
        found.append(step.read_loss())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_losses_are_those_of_the_numpy_backend(
    six_models: Any, opencl: Any, numpy_backend: Any, name: str
) -> None:
    task = six_models.six_tasks.load(name)

    ours, theirs = (
        losses(six_models.step_of(task, backend), task, six_models)
        for backend in (opencl, numpy_backend)
    )

    assert ours == pytest.approx(theirs, rel=0, abs=1e-5)


@pytest.mark.slow
def test_losses_of_a_large_network_are_those_of_float64(
    six_models: Any, opencl: Any, numpy_backend: Any
) -> None:
    """In float32 the NumPy backend itself is 4e-5 off: Adam divides gradients that are noise."""
    task = six_models.six_tasks.load("mlp1024")
    wide = Model(modules_of(six_models, task), spec(task.batches[0][0].shape[1:], "float64"))
    weights = {name: w.astype(np.float64) for name, w in six_models.weights_of(task).items()}
    adam, n_rows = Adam(lr=six_models.six_tasks.LR), len(task.batches[0][0])

    exact = losses(
        TrainingStep(wide, CrossEntropy(), adam, numpy_backend, n_rows, weights),
        task,
        six_models,
        "float64",
    )

    ours = losses(six_models.step_of(task, opencl), task, six_models)
    assert ours == pytest.approx(exact, rel=0, abs=1e-5)


def modules_of(six_models: Any, task: Any) -> list[tuple[str, Any]]:
    """Return the modules of a network of linear layers."""
    sizes = six_models.six_tasks.MLPS[task.name][0][1:]
    each = [
        ((f"linear{n}", six_models.Linear(out_features=size)), (f"relu{n}", six_models.Relu()))
        for n, size in enumerate(sizes)
    ]
    return [named for pair in each for named in pair][:-1]
