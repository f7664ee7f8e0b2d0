"""Many short runs in one process: does anything grow that should not?

    python packages/st-nn/benchmarks/suite_endurance.py 60    # minutes; as a suite it takes one

A cycle is what a long-lived program does with models: a run is trained, gone on with, loaded, asked
and judged; every tenth cycle by plugins started afresh. Whatever plugins are installed take part.
After each minute one line tells memory, Python's blocks, threads and open files.
"""

import gc
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import st.nn
from st.core import Registry
from st.nn.experiment import train_experiment
from st.nn.experiment.run_data import data_of

NAME = "endurance"
SUITE_S = 60.0
WARM_UP = 20
"""Cycles after which everything has been imported, recorded and cached once."""

RENEWED = 10
"""Cycles that one registry lives for."""

EXPERIMENT: dict[str, Any] = {
    "name": "short",
    "seed": 7,
    "epochs": 2,
    "batch_size": 16,
    "backend": "numpy",
    "optimizer": {"type": "adam", "lr": 0.01},
    "checkpoint": {"every_s": 0, "keep": 2, "best": "loss"},
    "early_stopping": {"patience": 50, "metric": "loss"},
    "model": [
        {"type": "reshape", "shape": [4, 4, 1]},
        {"type": "conv2d", "out_channels": 4, "padding": 1},
        {"type": "relu"},
        {"type": "flatten"},
        {"type": "linear", "out_features": 3},
    ],
    "data": {"source": "npz", "path": "data.npz", "target": "y"},
}


@dataclass(frozen=True)
class Held:
    """What the process holds at a moment, once garbage is collected."""

    resident_kb: int
    python_blocks: int
    python_objects: int
    threads: int
    open_files: int


def held() -> Held:
    """Look at this process; Linux tells memory and files below /proc."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return Held(
        pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        sys.getallocatedblocks(),
        len(gc.get_objects()),
        threading.active_count(),
        len(os.listdir("/proc/self/fd")),
    )


def cycles(folder: Path, seconds: float) -> Iterator[int]:
    """Do cycles in `folder` until the time is over; yield how many are done after each."""
    random = np.random.default_rng(7)
    x = random.normal(size=(200, 16)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=x[:, :3].argmax(axis=1))
    described = EXPERIMENT | {
        "output": str(folder / "runs"),
        "data": EXPERIMENT["data"] | {"path": str(folder / "data.npz")},
    }
    n_done, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with Registry() as registry:
            registry.discover()
            registry.initialize_all()
            for _ in range(RENEWED):
                _cycle(described, registry, x)
                shutil.rmtree(folder / "runs")
                n_done += 1
                yield n_done


def _cycle(described: dict[str, Any], registry: Registry, x: Any) -> None:
    run = train_experiment(described, registry).directory
    train_experiment({**described, "epochs": 3}, registry, resume=True)
    model = st.nn.load(run.path)
    for batch_size in range(1, 12):  # more sizes than plans are kept
        model(x[:batch_size])
    _, _, held_out = data_of(run, registry)
    st.nn.load(run.path, registry=registry).predict(held_out.x)


def run(bench: Any) -> None:
    """Record by how much each figure grew from the end of the warm-up to the end."""
    with tempfile.TemporaryDirectory() as folder:
        first: Held | None = None
        for n_done in cycles(Path(folder), SUITE_S):
            first = held() if n_done == WARM_UP else first
        last = held()
        first = first or last
        grown = {
            field.name: float(now - then)
            for field, then, now in zip(fields(Held), astuple(first), astuple(last), strict=True)
        }
        bench.record(f"growth over {n_done - WARM_UP} short runs", grown, "")


def main() -> None:
    """Print a line a minute."""
    print("minute", "cycles", *(field.name for field in fields(Held)), sep="\t", flush=True)
    start = told = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for n_done in cycles(Path(folder), 60 * float(sys.argv[1])):
            if n_done == WARM_UP or time.monotonic() - told >= 60:
                told = time.monotonic()
                print(f"{(told - start) / 60:.0f}", n_done, *astuple(held()), sep="\t", flush=True)
        print(f"{(time.monotonic() - start) / 60:.0f}", n_done, *astuple(held()), sep="\t")


if __name__ == "__main__":
    main()
