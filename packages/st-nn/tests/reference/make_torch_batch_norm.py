"""Write torch_batch_norm.npz: what PyTorch's batch norm gives in three steps and a prediction.

    python make_torch_batch_norm.py torch_batch_norm.npz

Needs PyTorch (made with 2.13.0+cpu), imported only when this runs; the tests need only the file.
Everything is computed in float64 from float32 numbers, and stored as float32. Names in the file are
`case/scale`, `case/shift`, and for each step `case/N.x`, `case/N.dy`, `case/N.y`, `case/N.dx`,
`case/N.dscale`, `case/N.dshift`, `case/N.mean`, `case/N.variance` (running, after it); then
`case/predicted` for the first x. Channels are the last axis.
"""

import sys

import numpy as np

CASES = {
    "rows": {"shapes": [(5, 3), (4, 3), (5, 3)], "momentum": 0.1, "eps": 1e-5},
    "sequence": {"shapes": [(2, 5, 3)] * 3, "momentum": 0.3, "eps": 1e-3},
    "images": {"shapes": [(3, 4, 2, 5), (3, 4, 2, 5), (2, 4, 2, 5)], "momentum": 0.1, "eps": 1e-5},
    "last-batch-only": {"shapes": [(5, 3), (5, 3), (6, 3)], "momentum": 1.0, "eps": 1e-5},
}


def main(path):
    """Write every case to `path`."""
    import torch

    generator = np.random.default_rng(20261122)

    def drawn(*shape, centre=0.0):
        return generator.normal(centre, 1.5, shape).astype(np.float32)

    stored = {}
    for name, case in CASES.items():
        channels = case["shapes"][0][-1]
        module = torch.nn.BatchNorm1d(channels, eps=case["eps"], momentum=case["momentum"]).double()
        scale, shift = drawn(channels, centre=1.0), drawn(channels)
        stored[f"{name}/scale"], stored[f"{name}/shift"] = scale, shift
        with torch.no_grad():
            module.weight.copy_(torch.tensor(scale))
            module.bias.copy_(torch.tensor(shift))
        for n, shape in enumerate(case["shapes"]):
            x, dy = drawn(*shape, centre=0.7 * n), drawn(*shape)
            given = torch.tensor(x, dtype=torch.float64, requires_grad=True)
            module.zero_grad()
            y = module(given.reshape(-1, channels)).reshape(shape)
            y.backward(torch.tensor(dy, dtype=torch.float64))
            made = {"y": y, "dx": given.grad, "dscale": module.weight.grad}
            made |= {"dshift": module.bias.grad, "mean": module.running_mean}
            made["variance"] = module.running_var
            stored[f"{name}/{n}.x"], stored[f"{name}/{n}.dy"] = x, dy
            for key, value in made.items():
                stored[f"{name}/{n}.{key}"] = value.detach().numpy().astype(np.float32)
        module.eval()
        first = torch.tensor(stored[f"{name}/0.x"], dtype=torch.float64)
        predicted = module(first.reshape(-1, channels)).reshape(first.shape)
        stored[f"{name}/predicted"] = predicted.detach().numpy().astype(np.float32)
    np.savez_compressed(path, **stored)


if __name__ == "__main__":
    main(sys.argv[1])
