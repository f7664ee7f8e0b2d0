"""Two training steps of tiny models on the first OpenCL device, with the kernels of one class.

python tiny_step.py cpu|gpu
"""

import sys
from dataclasses import replace

import numpy as np

from st.backend.opencl import OpenCLBackend, choose, find_devices
from st.core.backend import spec
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import (
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    Module,
    MultiHeadAttention,
    Relu,
)
from st.nn.optim import Adam
from st.nn.step import TrainingStep

N_CLASSES = 3

IMAGES = (
    [Conv2d(out_channels=2, padding=1), Relu(), Conv2d(out_channels=2), MaxPool2d(), Flatten()],
    spec((4, 5, 1), "float32"),
)
TEXTS = (
    [
        Embedding(n_rows=5, width=4),
        MultiHeadAttention(heads=2, causal=True),
        LayerNorm(),
        Flatten(),
    ],
    spec((3,), "int64"),
)


def train(backend: OpenCLBackend, modules: list[Module], x: np.ndarray) -> float:
    """Take two steps and return their mean loss."""
    named = [*modules, Dropout(rate=0.25), Linear(out_features=N_CLASSES)]
    model = Model(
        [(str(n), module) for n, module in enumerate(named)], spec(x.shape[1:], x.dtype.name)
    )
    first = model.initialise(1)
    step = TrainingStep(model, CrossEntropy(), Adam(), backend, len(x), first, seed=1)
    for _ in range(2):
        step.run(x, np.arange(len(x)) % N_CLASSES)
    return step.read_loss()


def main() -> None:
    """Train both models and print their losses."""
    device = replace(choose(find_devices()), kind=sys.argv[1])
    backend = OpenCLBackend(device)
    random = np.random.default_rng(0)
    for modules, given in (IMAGES, TEXTS):
        x = random.integers(0, 5, (2, *given.shape)).astype(given.dtype)
        print(f"{train(backend, modules, x):.6f}")


if __name__ == "__main__":
    main()
