"""The dense and the convolutional tasks as one types them in NumPy, without a framework."""

from typing import Any

import numpy as np
import six_tasks
from six_tasks import Task

WINDOWS = np.lib.stride_tricks.sliding_window_view


class HandStep:
    """See `nn_worker.System`."""

    @staticmethod
    def supports(task: Task) -> bool:
        """Nobody types a transformer and its derivative."""
        return task.kind != "characters"

    def __init__(self, task: Task) -> None:
        self._weights = {name: w.copy() for name, w in task.weights.items()}
        self._m = {name: np.zeros_like(w) for name, w in task.weights.items()}
        self._v = {name: np.zeros_like(w) for name, w in task.weights.items()}
        self._batches = task.batches
        self._n_steps = 0
        self._both = self._mlp if task.kind == "mlp" else self._cnn

    def run(self, n: int) -> float:
        """See `System.run`."""
        loss, gradient = self._both(*self._batches[n % len(self._batches)])
        self._adam(gradient)
        return float(loss)

    def loss(self, made: float) -> float:
        """See `System.loss`."""
        return made

    def infer(self) -> Any:
        """See `System.infer`."""
        return self._both(self._batches[0][0][:1], None)

    def _adam(self, gradient: Any) -> None:
        beta1, beta2 = six_tasks.BETA1, six_tasks.BETA2
        self._n_steps += 1
        by_m, by_v = 1 - beta1**self._n_steps, 1 - beta2**self._n_steps
        for name, w in self._weights.items():
            m, v, g = self._m[name], self._v[name], gradient[name]
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            w -= six_tasks.LR / by_m * m / (np.sqrt(v / by_v) + six_tasks.EPSILON)

    def _mlp(self, x: Any, y: Any) -> Any:
        w = self._weights
        n_layers = len(w) // 2
        seen = [x]
        for n in range(n_layers):
            z = seen[-1] @ w[f"w{n}"] + w[f"b{n}"]
            seen.append(np.maximum(z, 0) if n < n_layers - 1 else z)
        if y is None:
            return seen[-1]
        loss, g = entropy(seen[-1], y)
        gradient = {}
        for n in reversed(range(n_layers)):
            gradient[f"w{n}"], gradient[f"b{n}"] = seen[n].T @ g, g.sum(0)
            if n:
                g = (g @ w[f"w{n}"].T) * (seen[n] > 0)
        return loss, gradient

    def _cnn(self, x: Any, y: Any) -> Any:
        w = self._weights
        n_rows, _, height, width = x.shape
        columns0 = columns(x)
        z0 = np.maximum(columns0 @ w["k0"].reshape(len(w["k0"]), -1).T + w["c0"], 0)
        a0 = z0.reshape(n_rows, height, width, -1).transpose(0, 3, 1, 2)
        columns1 = columns(a0)
        z1 = np.maximum(columns1 @ w["k1"].reshape(len(w["k1"]), -1).T + w["c1"], 0)
        parts = z1.reshape(n_rows, height // 2, 2, width // 2, 2, -1)
        largest = parts.max((2, 4))
        flat = largest.transpose(0, 3, 1, 2).reshape(n_rows, -1)
        scores = flat @ w["w"] + w["b"]
        if y is None:
            return scores
        loss, g = entropy(scores, y)
        gradient = {"w": flat.T @ g, "b": g.sum(0)}
        pooled = (g @ w["w"].T).reshape(n_rows, -1, height // 2, width // 2).transpose(0, 2, 3, 1)
        is_largest = parts == largest[:, :, None, :, None]
        g = (is_largest * pooled[:, :, None, :, None]).reshape(z1.shape) * (z1 > 0)
        gradient |= {"k1": (g.T @ columns1).reshape(w["k1"].shape), "c1": g.sum(0)}
        back = overlapped(g @ w["k1"].reshape(len(w["k1"]), -1), a0.shape)
        g = back.transpose(0, 2, 3, 1).reshape(z0.shape) * (z0 > 0)
        gradient |= {"k0": (g.T @ columns0).reshape(w["k0"].shape), "c0": g.sum(0)}
        return loss, gradient


def entropy(scores: Any, y: Any) -> Any:
    """Return the mean cross-entropy and its gradient."""
    rows = np.arange(len(y))
    e = np.exp(scores - scores.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    loss = -np.log(e[rows, y]).mean()
    e[rows, y] -= 1
    return loss, e / len(y)


def columns(x: Any) -> Any:
    """Return every window of 3 x 3 of `(batch, channels, height, width)` as a row."""
    n_rows, channels, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    found = WINDOWS(padded, (3, 3), (2, 3)).transpose(0, 2, 3, 1, 4, 5)
    return found.reshape(n_rows * height * width, channels * 9)


def overlapped(rows: Any, shape: Any) -> Any:
    """Add every window where it came from."""
    n_rows, channels, height, width = shape
    parts = rows.reshape(n_rows, height, width, channels, 3, 3)
    made = np.zeros((n_rows, channels, height + 2, width + 2), np.float32)
    for i in range(3):
        for j in range(3):
            made[:, :, i : i + height, j : j + width] += parts[..., i, j].transpose(0, 3, 1, 2)
    return made[:, :, 1:-1, 1:-1]
