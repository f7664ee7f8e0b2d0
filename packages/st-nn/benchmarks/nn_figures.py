"""Figures beside the training step: import time, size on disk, one small operation, recording."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numpy as np
import six_tasks
from six_models import input_of, step_of

from st.core.backend import Call, Const, Plan, Storage, dense, spec
from st.nn import Tensor, TrainingStep
from st.nn.numpy_backend import NumPyBackend
from st.nn.record import trace_step
from st.nn.tape import Tape

IMPORTED = ("st.nn", "numpy", "torch", "jax", "tinygrad", "thinc.api")
INSTALLED = {
    "st-nn": ("st-core", "st-nn", "msgspec", "safetensors", "threadpoolctl", "packaging", "numpy"),
    "torch": ("torch", "numpy"),
    "jax": ("jax", "jaxlib", "numpy"),
    "tinygrad": ("tinygrad",),
}
"""What is installed for each, itself among it; smaller things of peers are left out."""
N_ELEMENTS = 32


def import_times(rounds: int) -> dict[str, float]:
    """Return the milliseconds that importing takes beyond an empty interpreter, best of rounds."""
    found: dict[str, float] = {}
    empty = min(_started("pass") for _ in range(rounds))
    for name in IMPORTED:
        times = [_started(f"import {name}") for _ in range(rounds)]
        if min(times) < float("inf"):
            found[name] = min(times) - empty
    # What is public is imported on first use, so a program pays for what it names as well.
    program = "from st.nn import Adam, CrossEntropy, Linear, Model, TrainingStep, choose_backend"
    found["st.nn, to train with"] = min(_started(program) for _ in range(rounds)) - empty
    return found


def _started(program: str) -> float:
    start = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    return (time.perf_counter() - start) * 1e3 if ended.returncode == 0 else float("inf")


def installed_sizes() -> dict[str, float]:
    """Return the megabytes of what is installed for each, libraries in wheels included."""
    found: dict[str, float] = {}
    for name, parts in INSTALLED.items():
        try:
            found[name] = sum(map(_n_bytes, parts)) / 1e6
        except PackageNotFoundError:
            continue
    return found


def _n_bytes(name: str) -> int:
    """Return the bytes of the files of a distribution; of an editable one those of its source."""
    installed = distribution(name)
    files = [file.locate() for file in installed.files or ()]
    if any(str(file).endswith(".pth") for file in files) and name.startswith("st-"):
        source = os.path.join(os.path.dirname(__file__), "..", "..", name, "src")
        return sum(
            os.path.getsize(os.path.join(folder, file))
            for folder, _, names in os.walk(source)
            for file in names
            if not file.endswith(".pyc")
        )
    return sum(os.path.getsize(file) for file in files if os.path.exists(file))


def dispatched() -> dict[str, Callable[[], Any]]:
    """Return what adds 32 elements: a plan of a hundred additions, the eager tape, NumPy itself."""
    backend = NumPyBackend(n_threads=1)
    of = spec((N_ELEMENTS,), "float32")
    x, y = (dense(Storage(of.nbytes, "state"), of) for _ in range(2))
    memory = {view.storage: backend.alloc(of.nbytes) for view in (x, y)}
    one = Const(1.0, spec((), "float32"))
    calls = tuple(Call("add", (x, one), (y,)) for _ in range(100))
    plan = backend.bind(Plan(calls, (y,)), memory)
    array, out, scalar = np.ones(N_ELEMENTS, np.float32), np.empty(N_ELEMENTS, np.float32), 1.0
    tape = Tape(backend)
    given = tape.input(array)

    def eager() -> Tensor:
        tape.applied.clear()
        tape.calls.clear()
        return given + 1.0

    return {
        "plan of 100 additions": plan.run,
        "eager tape": eager,
        "np.add with out": lambda: np.add(array, scalar, out),
    }


def recording_costs() -> dict[str, float]:
    """Return how many eager steps recording and binding a task's step takes."""
    found = {}
    for name in six_tasks.TASKS:
        task = six_tasks.load(name, 1)
        backend = NumPyBackend(n_threads=1)
        step = step_of(task, backend)
        x, y = task.batches[0]
        step.run(input_of(task, x), y)
        eager = best(lambda step=step: eager_step(step))
        found[name] = best(lambda task=task, backend=backend: step_of(task, backend)) / eager
    return found


def eager_step(step: TrainingStep) -> None:
    """Take the step once more, call by call, with the batch that was entered last."""
    bound = step._main
    tape = Tape(step.backend, memory=bound.memory)
    trace_step(tape, step.model, step.loss, step.optimizer, step._state, bound.ports)


def best(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest of three calls."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
