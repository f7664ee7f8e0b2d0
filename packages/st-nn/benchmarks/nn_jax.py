"""The six tasks in JAX: the whole step under `jit`, parameters and state given away to it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import six_tasks
from six_tasks import Task


class JaxStep:
    """See `nn_worker.System`."""

    @staticmethod
    def supports(task: Task) -> bool:
        """Every task can be taken."""
        return True

    def __init__(self, task: Task) -> None:
        forward = {"mlp": mlp, "cnn": cnn, "characters": characters}[task.kind]
        self._weights = {name: jnp.array(w) for name, w in task.weights.items()}
        zeros = [{k: jnp.zeros_like(w) for k, w in self._weights.items()} for _ in range(2)]
        self._state = (*zeros, jnp.zeros((), jnp.float32))
        self._batches = [(jnp.array(x), jnp.array(y)) for x, y in task.batches]

        def loss_of(weights: Any, x: Any, y: Any) -> Any:
            scores = forward(weights, x)
            logs = jax.nn.log_softmax(scores.reshape(-1, scores.shape[-1]))
            return -jnp.take_along_axis(logs, y.reshape(-1, 1), 1).mean()

        def step(weights: Any, state: Any, x: Any, y: Any) -> Any:
            loss, gradient = jax.value_and_grad(loss_of)(weights, x, y)
            weights, state = adam(weights, gradient, state)
            return weights, state, loss

        self._step = jax.jit(step, donate_argnums=(0, 1))
        self._forward = jax.jit(forward)
        self._one = self._batches[0][0][:1]

    def run(self, n: int) -> Any:
        """See `System.run`."""
        x, y = self._batches[n % len(self._batches)]
        self._weights, self._state, loss = self._step(self._weights, self._state, x, y)
        return loss.block_until_ready()

    def loss(self, made: Any) -> float:
        """See `System.loss`."""
        return float(made)

    def infer(self) -> Any:
        """See `System.infer`."""
        return np.asarray(self._forward(self._weights, self._one))


def adam(weights: Any, gradient: Any, state: Any) -> Any:
    """Return weights and state after one step."""
    beta1, beta2 = six_tasks.BETA1, six_tasks.BETA2
    m, v, n = state
    n = n + 1
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradient)
    by_m, by_v = 1 - beta1**n, 1 - beta2**n
    moved = jax.tree.map(
        lambda w, m, v: w - six_tasks.LR * (m / by_m) / (jnp.sqrt(v / by_v) + six_tasks.EPSILON),
        weights,
        m,
        v,
    )
    return moved, (m, v, n)


def mlp(w: Any, x: Any) -> Any:
    """Return the scores of the dense layers."""
    n_layers = len(w) // 2
    for n in range(n_layers):
        x = x @ w[f"w{n}"] + w[f"b{n}"]
        if n < n_layers - 1:
            x = jax.nn.relu(x)
    return x


def cnn(w: Any, x: Any) -> Any:
    """Return the scores of the convolutions."""

    def conv(x: Any, kernel: Any, bias: Any) -> Any:
        axes = ("NCHW", "OIHW", "NCHW")
        made = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=axes)
        return jax.nn.relu(made + bias[:, None, None])

    x = conv(conv(x, w["k0"], w["c0"]), w["k1"], w["c1"])
    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return x.reshape(len(x), -1) @ w["w"] + w["b"]


def characters(w: Any, x: Any) -> Any:
    """Return the scores of the transformer."""
    width, heads = six_tasks.WIDTH, six_tasks.HEADS
    n_rows, n_places = x.shape

    def norm(x: Any, scale: Any, shift: Any) -> Any:
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + shift

    h = w["table"][x] @ w["up"] + w["places"][:n_places]
    seen = jnp.tril(jnp.ones((n_places, n_places), bool))
    for block in range(six_tasks.BLOCKS):
        p = {k.partition(".")[2]: v for k, v in w.items() if k.startswith(f"{block}.")}
        a = norm(h, p["scale1"], p["shift1"]) @ p["qkv"] + p["qkv_bias"]
        query, key, value = a.reshape(n_rows, n_places, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        scores = (query @ key.swapaxes(-1, -2)) / np.sqrt(width // heads)
        a = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)) @ value
        a = a.transpose(0, 2, 1, 3).reshape(n_rows, n_places, width)
        h = h + a @ p["output"] + p["output_bias"]
        a = norm(h, p["scale2"], p["shift2"]) @ p["wide"] + p["wide_bias"]
        h = h + jax.nn.gelu(a, approximate=True) @ p["narrow"] + p["narrow_bias"]
    return norm(h, w["scale"], w["shift"]) @ w["head"] + w["head_bias"]
