"""Write torch_modules.json: what PyTorch's modules give, and the losses of Adam steps on them.

    python make_torch_modules.py > torch_modules.json

Needs PyTorch (made with 2.13.0+cpu), imported only when this runs; the tests need only the file.
Weights and inputs are drawn here and there by the same NumPy generator. PyTorch keeps channels in
front and the outputs of a layer first; both are turned here.
"""

import json
import sys

import numpy as np

N_STEPS = 6


def network(torch, generator: np.random.Generator):
    """Return parameters as (name, array) in our layout, and the forward in PyTorch."""
    from torch.nn import functional as f

    shapes = {
        "0.weight": (3, 3, 1, 4),
        "0.bias": (4,),
        "3.weight": (3, 3, 2, 6),
        "3.bias": (6,),
        "6.scale": (24,),
        "6.shift": (24,),
        "7.weight": (24, 5),
        "7.bias": (5,),
    }
    arrays = {name: generator.normal(0, 0.4, shape) for name, shape in shapes.items()}
    p = {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}

    def kernel(name):
        return p[name].permute(3, 2, 0, 1)

    def forward(x):
        h = f.conv2d(torch.tensor(x)[:, None], kernel("0.weight"), p["0.bias"], padding=1)
        h = f.max_pool2d(f.gelu(h, approximate="tanh"), 2)
        h = f.conv2d(h, kernel("3.weight"), p["3.bias"], stride=2, padding=1, groups=2)
        h = f.silu(h).permute(0, 2, 3, 1).flatten(1)
        h = f.layer_norm(h, (24,), p["6.scale"], p["6.shift"])
        return h @ p["7.weight"] + p["7.bias"]

    return p, forward


def main() -> None:
    """Write the logits of the first batch, and the loss before each step."""
    import torch

    generator = np.random.default_rng(8)
    parameters, forward = network(torch, generator)
    optimizer = torch.optim.Adam(parameters.values(), lr=0.01)
    losses = []
    logits = None
    for _ in range(N_STEPS):
        x, y = generator.normal(size=(10, 8, 8)), generator.integers(0, 5, 10)
        made = forward(x)
        logits = made.tolist() if logits is None else logits
        loss = torch.nn.functional.cross_entropy(made, torch.tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    json.dump({"torch": torch.__version__, "logits": logits, "losses": losses}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
