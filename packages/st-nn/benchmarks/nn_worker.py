"""One system in a process of its own, timed from outside: what `suite_nn` starts for each.

    python nn_worker.py SYSTEM TASK

Reads one command a line and answers with one line of JSON each: `steps N` takes N training steps,
`infer N` predicts the first example N times (both answer with the nanoseconds that passed and those
of processor time), `losses N` gives the losses before the first step and after each of N, and
belongs before any other. The first line it writes says how long it took to begin, or why it cannot
take the task.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "reference"))

import six_tasks
from six_tasks import Task

SYSTEMS = {
    "st": ("nn_ours", "OurStep", "st-nn"),
    "PyTorch, fused Adam": ("nn_torch", "FusedStep", "torch"),
    "PyTorch, default Adam": ("nn_torch", "DefaultStep", "torch"),
    "JAX jit": ("nn_jax", "JaxStep", "jax"),
    "tinygrad": ("nn_tinygrad", "TinyStep", "tinygrad"),
    "thinc": ("nn_thinc", "ThincStep", "thinc"),
    "NumPy by hand": ("nn_numpy", "HandStep", "numpy"),
}
"""What stands in the tables: module, class, and the distribution it needs."""


class System(Protocol):
    """What a worker makes of a task. `run` and `infer` are done when they return."""

    def run(self, n: int) -> object:
        """Take step `n`; batches repeat. What it gives is handed to `loss`."""

    def loss(self, made: Any) -> float:
        """Return the loss of a step from what `run` gave."""

    def infer(self) -> object:
        """Predict the first example of the first batch, as a batch of one."""


def timed(call: Callable[[int], object], first: int, number: int) -> tuple[int, int]:
    """Return the nanoseconds of `number` calls, numbered from `first`: passed, and computed."""
    gc.collect()
    gc.disable()
    start, computed = time.perf_counter_ns(), time.process_time_ns()
    for n in range(first, first + number):
        call(n)
    taken = time.perf_counter_ns() - start, time.process_time_ns() - computed
    gc.enable()
    return taken


def tell(answer: object) -> None:
    """Write one line of JSON."""
    print(json.dumps(answer), flush=True)


def main() -> int:
    """Serve until the input ends."""
    module, name, _ = SYSTEMS[sys.argv[1]]
    task: Task = six_tasks.load(sys.argv[2])
    made = getattr(import_module(module), name)
    if not made.supports(task):
        tell({"cannot": f"no {task.kind} in this system"})
        return 0
    start = time.perf_counter_ns()
    system: System = made(task)
    ready = time.perf_counter_ns()
    n_taken = 0
    first = system.loss(system.run(n_taken))
    tell(
        {
            "setup_ns": ready - start,
            "first_step_ns": time.perf_counter_ns() - ready,
            "first_loss": first,
        }
    )
    for line in sys.stdin:
        command, number = line.split()
        if command == "losses":
            losses = [system.loss(system.run(n_taken + n + 1)) for n in range(int(number))]
            n_taken += int(number)
            tell([first, *losses])
        elif command == "steps":
            tell(timed(system.run, n_taken + 1, int(number)))
            n_taken += int(number)
        else:
            tell(timed(lambda _: system.infer(), 0, int(number)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
