"""Many short runs in one process leave nothing behind; the benchmark of that name takes an hour."""

import gc
import os
import shutil
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import st.nn
from st.core import Registry
from st.nn.experiment import train_experiment

N_WARM_UP, N_RUNS = 4, 16


def cycle(experiment: Path) -> None:
    """Train, go on, load and ask, with plugins started for it."""
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        run = train_experiment(experiment, registry).directory.path
        train_experiment(experiment, registry, resume=True)
        model = st.nn.load(run, registry=registry)
        for batch_size in range(1, 12):  # more sizes than plans are kept
            model(np.zeros((batch_size, 4)))
    shutil.rmtree("runs")


def objects() -> Counter[str]:
    """Return how many objects of each type the garbage collector knows."""
    gc.collect()
    return Counter(type(found).__qualname__ for found in gc.get_objects())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files as Linux tells them")
def test_short_runs_leave_no_objects_threads_or_files(experiment: Path) -> None:
    for _ in range(N_WARM_UP):
        cycle(experiment)
    before = objects(), threading.active_count(), len(os.listdir("/proc/self/fd"))
    blocks = sys.getallocatedblocks()

    for _ in range(N_RUNS):
        cycle(experiment)

    after = objects()
    grown = {name: n for name, n in (after - before[0]).items() if n >= N_RUNS // 2}
    assert grown == {}
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before[1:]
    # Arrays are not among those objects. The interpreter itself still warms up, by 30 a run here
    # and by 3 after a hundred.
    assert sys.getallocatedblocks() - blocks < 60 * N_RUNS
