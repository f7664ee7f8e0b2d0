"""The six tasks in tinygrad: the step under its `TinyJit`, on its CPU device (needs clang)."""

from typing import Any

import numpy as np
import six_tasks
from six_tasks import Task
from tinygrad import Tensor, TinyJit, nn
from tinygrad.helpers import Context


class TinyStep:
    """See `nn_worker.System`."""

    @staticmethod
    def supports(task: Task) -> bool:
        """Every task can be taken."""
        return True

    def __init__(self, task: Task) -> None:
        forward = {"mlp": self._mlp, "cnn": self._cnn, "characters": self._characters}[task.kind]
        self._weights = {name: Tensor(w.copy()).realize() for name, w in task.weights.items()}
        optimizer = nn.optim.Adam(
            list(self._weights.values()),
            lr=six_tasks.LR,
            b1=six_tasks.BETA1,
            b2=six_tasks.BETA2,
            eps=six_tasks.EPSILON,
        )
        self._batches = [(_tensor(x), _tensor(y)) for x, y in task.batches]

        def step(x: Tensor, y: Tensor) -> Any:
            optimizer.zero_grad()
            scores = forward(x)
            flat = scores.reshape(-1, scores.shape[-1])
            loss = flat.sparse_categorical_crossentropy(y.reshape(-1))
            loss.backward()
            return loss.realize(*optimizer.schedule_step())

        self._step = TinyJit(step)
        self._forward = TinyJit(lambda x: forward(x).realize())
        self._one = task.batches[0][0][:1]

    def run(self, n: int) -> float:
        """See `System.run`; it waits by reading the loss."""
        with Context(TRAINING=1):
            return float(self._step(*self._batches[n % len(self._batches)]).item())

    def loss(self, made: float) -> float:
        """See `System.loss`."""
        return made

    def infer(self) -> Any:
        """See `System.infer`."""
        return self._forward(_tensor(self._one)).numpy()

    def _mlp(self, x: Tensor) -> Tensor:
        w = self._weights
        n_layers = len(w) // 2
        for n in range(n_layers):
            x = x @ w[f"w{n}"] + w[f"b{n}"]
            if n < n_layers - 1:
                x = x.relu()
        return x

    def _cnn(self, x: Tensor) -> Tensor:
        w = self._weights
        x = x.conv2d(w["k0"], w["c0"], padding=1).relu()
        x = x.conv2d(w["k1"], w["c1"], padding=1).relu()
        return x.max_pool2d(2).flatten(1) @ w["w"] + w["b"]

    def _characters(self, x: Tensor) -> Tensor:
        w = self._weights
        n_rows, n_places = x.shape
        width, heads = six_tasks.WIDTH, six_tasks.HEADS

        def norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
            return x.layernorm(eps=1e-5) * scale + shift

        h = w["table"][x] @ w["up"] + w["places"][:n_places]
        for n in range(six_tasks.BLOCKS):
            p = {k.partition(".")[2]: v for k, v in w.items() if k.startswith(f"{n}.")}
            qkv = norm(h, p["scale1"], p["shift1"]) @ p["qkv"] + p["qkv_bias"]
            qkv = qkv.reshape(n_rows, n_places, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            a = qkv[0].scaled_dot_product_attention(qkv[1], qkv[2], is_causal=True)
            a = a.transpose(1, 2).reshape(n_rows, n_places, width)
            h = h + a @ p["output"] + p["output_bias"]
            a = (norm(h, p["scale2"], p["shift2"]) @ p["wide"] + p["wide_bias"]).gelu()
            h = h + a @ p["narrow"] + p["narrow_bias"]
        return norm(h, w["scale"], w["shift"]) @ w["head"] + w["head_bias"]


def _tensor(x: Any) -> Tensor:
    return Tensor(x if x.dtype != np.int64 else x.astype(np.int32)).realize()
