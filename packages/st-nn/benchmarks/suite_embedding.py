"""A trained model in somebody's program: how long one image takes, alone and of eight threads.

The digits perceptron (64-256-10), loaded by `st.nn.load`, beside the same weights in PyTorch, eager
modules, and in two lines of NumPy. Each system has a process of its own, started anew each round;
BLAS has one thread everywhere. A peer that is not installed is named and left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from st.core import Registry
from st.nn.experiment import train_experiment

NAME = "embedding"
WORKER = Path(__file__).with_name("embedding_worker.py")
SYSTEMS = {"st.nn.load": "st.nn", "PyTorch": "torch", "NumPy by hand": "numpy"}
"""What is compared, and the module it needs."""

ROUNDS = 5
LARGEST_DIFFERENCE = 1e-4
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

EXPERIMENT: dict[str, Any] = {
    "name": "digits",
    "seed": 7,
    "epochs": 1,
    "backend": "numpy",
    "optimizer": {"type": "adam", "lr": 0.003},
    "model": [
        {"type": "flatten"},
        {"type": "linear", "out_features": 256},
        {"type": "relu"},
        {"type": "linear", "out_features": 10},
    ],
}


def run(bench: Any) -> None:
    """Train once, then ask every system in turn."""
    with tempfile.TemporaryDirectory() as folder:
        trained = _trained(Path(folder))
        told: dict[str, list[Any]] = {
            name: [] for name, module in SYSTEMS.items() if find_spec(module) is not None
        }
        for name in SYSTEMS.keys() - told.keys():
            print(f"{name} left out: {SYSTEMS[name]} is not installed", file=sys.stderr)
        for _ in range(ROUNDS):
            for name, found in told.items():
                found.append(_asked(name, trained))
    for n_threads in ("1", "8"):
        for share in (50, 99):
            bench.record(
                f"one image, {n_threads} threads, p{share}",
                {
                    name: median(np.percentile(each[n_threads]["calls"], share) for each in found)
                    / 1e3
                    for name, found in told.items()
                },
                "us",
            )
        bench.record(
            f"images in a second, {n_threads} threads",
            {
                name: median(
                    1e9 * len(each[n_threads]["calls"]) / each[n_threads]["whole"] for each in found
                )
                for name, found in told.items()
            },
            "",
        )
    bench.record(
        "importing and loading, NumPy imported",
        {name: median(each["loaded"] for each in found) / 1e6 for name, found in told.items()},
        "ms",
    )


def _trained(folder: Path) -> Path:
    random = np.random.default_rng(7)
    x = random.integers(0, 17, (400, 8, 8)).astype(np.float32)
    np.savez(folder / "digits.npz", x=x, y=random.permutation(np.arange(400) % 10))
    data = {"source": "npz", "path": str(folder / "digits.npz"), "scale": 0.0625}
    with Registry() as registry:
        registry.discover()
        described = {**EXPERIMENT, "data": data, "output": str(folder / "runs")}
        return train_experiment(described, registry).directory.path


def _asked(name: str, trained: Path) -> Any:
    limits = dict.fromkeys(THREAD_VARIABLES, "1")
    done = subprocess.run(
        [sys.executable, str(WORKER), name, str(trained)],
        env={**os.environ, **limits},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    if told["apart"] > LARGEST_DIFFERENCE:
        raise ValueError(f"{name} gives other answers: {told['apart']:g} apart")
    return told
