"""The training step of six tasks: ours beside PyTorch, JAX, tinygrad, thinc and NumPy by hand.

Every system runs in a process of its own on one thread, with the same weights and batches; before
anything is timed its losses after five steps are compared with those stored of PyTorch. Timings
are taken in shuffled rounds, one system after the other, so that all meet the same load; beside
the time that passed stands that of the processor, which says more on a busy machine. A peer that
is not installed is named and left out. To install them beside this project:

    pip install torch==2.13.0 jax tinygrad thinc

(tinygrad compiles with clang, which has to be there.) Both kinds of Adam are shown for PyTorch:
`fused=True` is what it calls fastest, the default is what a tutorial writes.

Against PyTorch with fused Adam the aims are 0.35, 0.65, 0.9, 1.2, 1.05, 1.05 (mlp32, mlp256, cnn8,
cnn28, characters, mlp1024). Two are not reached, on two cores of a Xeon with AVX-512:

- mlp1024 (about 1.13): four fifths of the step are products in OpenBLAS, which alone take nine
  tenths of PyTorch's whole step; turning operands or choosing another of its kernels changed
  nothing. Adam is twelve passes where PyTorch has one; parts of 2 to the 13, 14, 15 and 16 elements
  took 1.07, 1.04, 1 and 0.99 of the processor time, and no order of its terms needs fewer passes.
- characters (about 1.1): half of it is OpenBLAS. What helped: parts of several calls that stay in
  the cache, keys before queries in attention (softmax runs along rows of memory), working out
  again instead of keeping, no copies of heads. What did not: a largest by halves instead of NumPy's
  (1.0 to 1.5 times as long), parts smaller than 256 KB, products of a block's rows in the same run
  (BLAS may round otherwise, and a plan gives the bits of the eager tape).
"""

import json
import math
import os
import random
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
REFERENCE = HERE.parent / "tests" / "reference"
sys.path[:0] = [str(HERE), str(REFERENCE)]

import nn_figures  # noqa: E402
import six_tasks  # noqa: E402
from nn_worker import SYSTEMS  # noqa: E402

NAME = "nn"
BASE = "PyTorch, fused Adam"
TWO_THREADS = {"characters": ("st", BASE, "JAX jit"), "mlp1024": ("st", BASE, "JAX jit")}
TIMING_NS = 20_000_000
SLOW_NS, SLOW_ROUNDS = 500_000_000, 2
"""A system whose step takes longer than this is timed in the first rounds only."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NPROC",
    "ST_NUMPY__THREADS",
)


class Worker:
    """A system at work on a task, in a process of its own; see `nn_worker`."""

    def __init__(self, system: str, task: str, n_threads: int = 1) -> None:
        limits = dict.fromkeys(THREAD_VARIABLES, str(n_threads))
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "nn_worker.py"), system, task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **limits, "DEV": "CPU"},
            text=True,
            preexec_fn=lambda: restrict(n_threads),
        )
        self.told: dict[str, Any] = self._answer()

    def ask(self, command: str, number: int) -> Any:
        """Send a command and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} {number}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, error = self._process.communicate()
            lines = error.strip().splitlines() or ["no message"]
            return {"cannot": lines[-1][:200]}
        return json.loads(line)


def restrict(n_threads: int) -> None:
    """Keep this process on as many processors as it may use threads, where the system can."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, range(n_threads))


def run(bench: Any) -> None:
    """Time the six tasks on one thread, two of them on two, and record the rest."""
    expected = json.loads((REFERENCE / "six_losses.json").read_text(encoding="utf-8"))
    for task in six_tasks.TASKS:
        compare(bench, task, SYSTEMS, expected[task])
    for task, systems in TWO_THREADS.items():
        compare(bench, task, systems, expected[task], n_threads=2)
    with threadpool_limits(1):
        bench.case(f"adding {nn_figures.N_ELEMENTS} elements", nn_figures.dispatched())
        costs = nn_figures.recording_costs()
    bench.record("recording and binding a training step", costs, "eager steps")
    bench.record("importing", nn_figures.import_times(5), "ms")
    bench.record("installed, with what it needs", nn_figures.installed_sizes(), "MB")


def compare(bench: Any, task: str, systems: Any, expected: list[float], n_threads: int = 1) -> None:
    """Time `systems` on a task against each other."""
    workers = {}
    for system in systems:
        worker = started(system, task, n_threads)
        if worker is not None and agrees(worker, system, task, expected):
            workers[system] = worker
    if BASE not in workers:
        print(f"{task}: nothing to compare with, PyTorch is missing", file=sys.stderr)
        return
    what = f"{task}, {n_threads} thread{'s' if n_threads > 1 else ''}"
    passed, computed = timings(workers, "steps", bench.rounds)
    bench.keep(f"training step, {what}", passed, BASE)
    bench.keep(f"training step, {what}, processor time", computed, BASE)
    if n_threads == 1:
        passed, _ = timings(workers, "infer", bench.rounds)
        bench.keep(f"prediction of one example, {what}", passed, BASE)
        first = {name: worker.told["first_step_ns"] / 1e6 for name, worker in workers.items()}
        bench.record(f"first step, {what} (records, compiles)", first, "ms")
    for worker in workers.values():
        worker.close()


def started(system: str, task: str, n_threads: int) -> Worker | None:
    """Return a worker, or say why there is none."""
    _, _, needed = SYSTEMS[system]
    try:
        distribution(needed)
    except PackageNotFoundError:
        print(f"{task}: {system} left out, {needed} is not installed", file=sys.stderr)
        return None
    worker = Worker(system, task, n_threads)
    if "cannot" in worker.told:
        print(f"{task}: {system} left out: {worker.told['cannot']}", file=sys.stderr)
        return None
    return worker


def agrees(worker: Worker, system: str, task: str, expected: list[float]) -> bool:
    """Whether a worker computes what PyTorch does, to three decimals."""
    found = worker.ask("losses", len(expected) - 1)
    if isinstance(found, list) and all(
        math.isclose(mine, theirs, rel_tol=0, abs_tol=1e-3)
        for mine, theirs in zip(found, expected, strict=True)
    ):
        return True
    print(f"{task}: {system} left out: losses {found}, expected {expected}", file=sys.stderr)
    worker.close()
    return False


Rounds = dict[str, list[float]]


def timings(workers: dict[str, Worker], command: str, rounds: int) -> tuple[Rounds, Rounds]:
    """Return the nanoseconds of one call, round by round, for each worker: passed, and computed.

    On a busy machine the second says more.
    """
    numbers, limits = {}, {}
    passed: Rounds = {name: [] for name in workers}
    computed: Rounds = {name: [] for name in workers}
    for name, worker in workers.items():
        taken = min(worker.ask(command, 1)[0] for _ in range(3))
        numbers[name] = max(1, TIMING_NS // max(taken, 1))
        limits[name] = SLOW_ROUNDS if taken > SLOW_NS else rounds
    order = random.Random(0)
    for n in range(rounds):
        for name in order.sample(list(workers), len(workers)):
            if n < limits[name]:
                for found, taken in zip(
                    (passed, computed), workers[name].ask(command, numbers[name]), strict=True
                ):
                    found[name].append(taken / numbers[name])
    return passed, computed
