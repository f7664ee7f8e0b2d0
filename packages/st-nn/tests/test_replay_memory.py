"""Replaying a step allocates next to nothing, and nothing that stays, whatever the batch."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import (
    BatchNorm,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    Module,
    Positions,
    Relu,
    TransformerBlock,
)
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import Adam
from st.nn.step import TrainingStep

KIB = 1024
STATM = Path("/proc/self/statm")
N_CLASSES = 10

NETWORKS: dict[str, tuple[tuple[int, ...], str, list[Module]]] = {
    "rows": (
        (32,),
        "float32",
        [Linear(out_features=48), BatchNorm(), Relu(), Dropout(rate=0.2)],
    ),
    "images": (
        (8, 8),
        "float32",
        [
            Conv2d(out_channels=6, padding=1),
            BatchNorm(),
            Relu(),
            MaxPool2d(),
            Conv2d(out_channels=4),
        ],
    ),
    "text": (
        (12,),
        "int64",
        [
            Embedding(n_rows=20, width=16),
            Positions(),
            TransformerBlock(heads=2, causal=True, dropout=0.1),
            LayerNorm(),
        ],
    ),
}


def replayed(name: str, batch_size: int) -> Callable[[int], None]:
    """Return a function that replays the step of a network so many times; it is warm already."""
    shape, dtype, modules = NETWORKS[name]
    whole = [*modules, Flatten(), Linear(out_features=N_CLASSES)]
    model = Model([(str(n), module) for n, module in enumerate(whole)], spec(shape, dtype))
    parts = model, CrossEntropy(), Adam(), NumPyBackend(), batch_size, model.initialise(0)
    step = TrainingStep(*parts, seed=1)
    generator = np.random.default_rng(0)
    x = generator.integers(0, 20, (batch_size, *shape)).astype(dtype)
    y = generator.integers(0, N_CLASSES, batch_size)

    def replay(n_times: int) -> None:
        for _ in range(n_times):
            step.run(x, y)

    replay(5)
    return replay


def traced(replay: Callable[[int], None], n_times: int) -> tuple[int, int]:
    """Return by how many bytes memory grew, and how many were held in between."""
    tracemalloc.start()
    try:
        replay(3)  # Python's own lists of free objects fill up
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        replay(n_times)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before, peak - before


def resident() -> int:
    """Return the bytes of memory this process holds; 0 where the machine does not tell."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if STATM.exists() else 0


@pytest.mark.parametrize("batch_size", [1, 16, 400])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_replay_holds_64_kib_at_most_whatever_the_batch(name: str, batch_size: int) -> None:
    replay = replayed(name, batch_size)

    _, peak = traced(replay, 3)

    assert peak <= 64 * KIB


@pytest.mark.parametrize("name", NETWORKS)
def test_a_thousand_replays_leave_nothing_behind(name: str) -> None:
    replay = replayed(name, 4)

    growth, _ = traced(replay, 1000)

    # The counters of steps and runs are the only objects that are new: two integers.
    assert growth < 512


@pytest.mark.parametrize("name", NETWORKS)
def test_a_thousand_replays_take_no_memory_from_the_machine(name: str) -> None:
    replay = replayed(name, 16)
    replay(50)
    before = resident()

    replay(1000)

    # The allocator takes a page here and there; a leak of 1 KB for each replay would be 1 MB.
    assert resident() - before <= 512 * KIB
