"""Write six_losses.json: what PyTorch gives for the first steps of the six tasks.

    python six_torch.py > six_losses.json

Needs PyTorch (made with 2.13.0+cpu); the tests need only the file. The benchmark of the training
step runs the same class.
"""

import json
import sys
from typing import Any

import six_tasks
import torch
from six_tasks import Task
from torch.nn import functional


class TorchStep:
    """A task in PyTorch, eager, as its tutorials write it.

    Args:
        task: what is trained.
        options: handed on to `torch.optim.Adam`, for example `fused=True`.
    """

    def __init__(self, task: Task, **options: Any) -> None:
        self.batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in task.batches]
        self.weights = {
            name: torch.nn.Parameter(torch.from_numpy(_laid_out(task, name, w)))
            for name, w in task.weights.items()
        }
        self.blocks = [
            {k.partition(".")[2]: w for k, w in self.weights.items() if k.startswith(f"{n}.")}
            for n in range(six_tasks.BLOCKS)
        ]
        self.forward = {"mlp": self._mlp, "cnn": self._cnn, "characters": self._characters}[
            task.kind
        ]
        self.optimizer = torch.optim.Adam(
            self.weights.values(),
            lr=six_tasks.LR,
            betas=(six_tasks.BETA1, six_tasks.BETA2),
            eps=six_tasks.EPSILON,
            **options,
        )

    def run(self, n: int) -> Any:
        """Take step `n` (batches repeat) and return its loss, a tensor."""
        x, y = self.batches[n % len(self.batches)]
        self.optimizer.zero_grad(set_to_none=True)
        scores = self.forward(x)
        loss = functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _mlp(self, x: Any) -> Any:
        w = self.weights
        n_layers = len(w) // 2
        for n in range(n_layers):
            x = torch.addmm(w[f"b{n}"], x, w[f"w{n}"])
            if n < n_layers - 1:
                x = torch.relu(x)
        return x

    def _cnn(self, x: Any) -> Any:
        w = self.weights
        x = functional.relu(functional.conv2d(x, w["k0"], w["c0"], padding=1))
        x = functional.relu(functional.conv2d(x, w["k1"], w["c1"], padding=1))
        return torch.addmm(w["b"], functional.max_pool2d(x, 2).flatten(1), w["w"])

    def _characters(self, x: Any) -> Any:
        w = self.weights
        n_rows, n_places = x.shape
        width, heads = six_tasks.WIDTH, six_tasks.HEADS
        h = functional.linear(functional.embedding(x, w["table"]), w["up"]) + w["places"][:n_places]
        for p in self.blocks:
            a = functional.layer_norm(h, (width,), p["scale1"], p["shift1"])
            qkv = functional.linear(a, p["qkv"], p["qkv_bias"])
            qkv = qkv.view(n_rows, n_places, 3, heads, width // heads)
            query, key, value = qkv.permute(2, 0, 3, 1, 4)
            a = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            a = a.transpose(1, 2).reshape(n_rows, n_places, width)
            h = h + functional.linear(a, p["output"], p["output_bias"])
            a = functional.layer_norm(h, (width,), p["scale2"], p["shift2"])
            a = functional.gelu(functional.linear(a, p["wide"], p["wide_bias"]), approximate="tanh")
            h = h + functional.linear(a, p["narrow"], p["narrow_bias"])
        h = functional.layer_norm(h, (width,), w["scale"], w["shift"])
        return functional.linear(h, w["head"], w["head_bias"])


def _laid_out(task: Task, name: str, w: Any) -> Any:
    """Return a copy of a weight as PyTorch wants it: a dense layer of rows of rows is turned."""
    is_dense = task.kind == "characters" and w.ndim == 2 and name not in ("table", "places")
    return (w.T if is_dense else w).copy()


def main() -> None:
    """Write the losses of every task to standard output."""
    found: dict[str, Any] = {"torch": torch.__version__}
    for name in six_tasks.TASKS:
        step = TorchStep(six_tasks.load(name))
        found[name] = [round(step.run(n).item(), 6) for n in range(six_tasks.N_STEPS_COMPARED + 1)]
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
