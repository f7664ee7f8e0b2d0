"""Write torch_criteria.json: what PyTorch's losses give, and their gradients.

    python make_torch_criteria.py > torch_criteria.json

Needs PyTorch (made with 2.13.0+cpu), imported only when this runs; the tests need only the file.
Everything is in float64.
"""

import json
import sys

import numpy as np


def drawn(kind: str):
    """Return a prediction, and a target: of classes, of many classes each, numbers, shares."""
    generator = np.random.default_rng(21)
    if kind == "classes":
        return generator.normal(0, 2, (6, 5)), generator.integers(0, 5, 6)
    if kind == "rows":
        return generator.normal(0, 2, (3, 4, 5)), generator.integers(0, 5, (3, 4))
    x = generator.normal(0, 2, (4, 3))
    return x, generator.uniform(0, 1, (4, 3)) if kind == "shares" else generator.normal(size=(4, 3))


def cases(torch):
    """Return for each case what is drawn, and the loss in PyTorch."""
    from torch.nn import functional as f

    def entropy(**options):
        def loss(x, y):
            return f.cross_entropy(x.flatten(0, -2), y.flatten(), **options)

        return loss

    return {
        "cross_entropy": ("classes", entropy()),
        "cross_entropy-smooth": ("classes", entropy(label_smoothing=0.2)),
        "cross_entropy-ignored": ("classes", entropy(ignore_index=3)),
        "cross_entropy-rows": ("rows", entropy()),
        "cross_entropy-rows-both": ("rows", entropy(label_smoothing=0.1, ignore_index=2)),
        "mse": ("numbers", f.mse_loss),
        "l1": ("numbers", f.l1_loss),
        "huber": ("numbers", lambda x, y: f.huber_loss(x, y, delta=0.7)),
        "smooth_l1": ("numbers", lambda x, y: f.smooth_l1_loss(x, y, beta=0.7)),
        "binary_cross_entropy": ("shares", f.binary_cross_entropy_with_logits),
    }


def main() -> None:
    """Write value and gradient of each to standard output."""
    import torch

    found = {"torch": torch.__version__}
    for name, (kind, loss) in cases(torch).items():
        prediction, target = drawn(kind)
        x = torch.tensor(prediction, requires_grad=True)
        value = loss(x, torch.tensor(target))
        value.backward()
        found[name] = {
            "prediction": prediction.tolist(),
            "target": target.tolist(),
            "value": value.item(),
            "gradient": x.grad.tolist(),
        }
    json.dump(found, sys.stdout)
    print()


if __name__ == "__main__":
    main()
