"""Kernels and plans of the OpenCL backend beside OpenBLAS, CLBlast, PyTorch and NumPy.

Every figure is theirs over ours in the same round (above 1: ours is faster), the median over the
rounds with the tenth and ninetieth percentile beside it, and what it must and should be. A worker
with one thread measures processor time, which neighbours on the machine disturb little; one with
two threads measures the clock. PoCL and Intel's runtime read their thread limits when they are
loaded, so each worker is a process of its own. Peers that are not installed are left out:

    pip install torch==2.13.0        apt-get install libclblast1
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NAME = "opencl"
WORKER = Path(__file__).with_name("opencl_worker.py")
LIMITS = (
    "POCL_MAX_PTHREAD_COUNT",
    "CL_CONFIG_CPU_TBB_NUM_WORKERS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def run(bench: Any) -> None:
    """Let a worker measure with one thread and one with two, and start the programs twice."""
    for n_threads in (1, 2):
        for line in answers("compare", n_threads):
            bench.record(line["title"], line["values"], line["unit"])
    # The first start fills the cache if it is empty.
    *_, warm = [list(answers("start", 2)) for _ in range(2)]
    for line in warm:
        bench.record(line["title"], line["values"], line["unit"])


def answers(command: str, n_threads: int) -> Any:
    """Yield what a worker measures."""
    done = subprocess.run(
        [sys.executable, str(WORKER), command, str(n_threads)],
        env={**os.environ, **dict.fromkeys(LIMITS, str(n_threads))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    yield from map(json.loads, done.stdout.splitlines())
