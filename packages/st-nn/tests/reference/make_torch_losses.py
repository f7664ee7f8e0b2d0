"""Write torch_losses.json: what PyTorch gives for the steps that test_optim.py takes.

    python make_torch_losses.py > torch_losses.json

Needs PyTorch (made with 2.13.0+cpu), imported only when this runs; the tests need only the file.
Weights and batches are drawn here and there by the same NumPy generator, so nothing but results is
stored.
"""

import json
import sys
from itertools import pairwise

import numpy as np

SIZES = (12, 16, 8, 5)
BATCH, N_STEPS = 20, 12


def problem(generator: np.random.Generator):
    """Return weights and biases layer by layer, and the batches."""
    parameters = []
    for n_in, n_out in pairwise(SIZES):
        parameters.append(generator.normal(0, n_in**-0.5, (n_in, n_out)))
        parameters.append(generator.normal(0, 0.1, n_out))
    batches = [
        (generator.normal(size=(BATCH, SIZES[0])), generator.integers(0, SIZES[-1], BATCH))
        for _ in range(N_STEPS)
    ]
    return parameters, batches


def losses(torch, optimizer, clip_norm: float | None = None) -> list[float]:
    """Return the loss before each step, in float64."""
    weights, batches = problem(np.random.default_rng(5))
    parameters = [torch.tensor(w, requires_grad=True) for w in weights]
    step = optimizer(parameters)
    found = []
    for x, y in batches:
        h = torch.tensor(x)
        for n in range(0, len(parameters), 2):
            h = h @ parameters[n] + parameters[n + 1]
            if n < len(parameters) - 2:
                h = torch.relu(h)
        loss = torch.nn.functional.cross_entropy(h, torch.tensor(y))
        step.zero_grad()
        loss.backward()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        step.step()
        found.append(loss.item())
    return found


def main() -> None:
    """Write the losses of each optimizer to standard output."""
    import torch

    optimizers = {
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "adam-betas": lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-4),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "sgd-momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        "sgd-nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        "sgd-decay": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.5, weight_decay=0.1),
        "sgd-clip": lambda p: torch.optim.SGD(p, lr=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        "adamw-clip": lambda p: torch.optim.AdamW(p, lr=0.01),
    }

    def grouped(optimizer, **options):
        def make(p):
            groups = [
                {"params": p[1::2], **options},
                {"params": p[4:5], "lr": 0.0},
                {"params": p[0:4:2]},
            ]
            return optimizer(groups)

        return make

    optimizers |= {
        "sgd-groups": grouped(
            lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
            lr=0.005,
            weight_decay=0.0,
        ),
        "adamw-groups": grouped(
            lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), lr=0.02, weight_decay=0.0
        ),
        "adamw-groups-clip": grouped(lambda p: torch.optim.AdamW(p, lr=0.01), lr=0.02),
    }
    clips = {"sgd-clip": 0.3, "adamw-clip": 0.3, "adamw-groups-clip": 0.3}
    found = {
        name: losses(torch, optimizer, clips.get(name)) for name, optimizer in optimizers.items()
    }
    json.dump({"torch": torch.__version__, **found}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
