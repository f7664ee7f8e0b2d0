"""A training step of thirty operations in NumPy, each of which can be told of."""

# ruff: noqa: D102, D103 - the names of the operations say what they are
from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np

from st.core import Topic

Array = Any
Run = Callable[..., Array]
SHAPES = ((64, 128), (128, 128))


class Step:
    """A perceptron with two hidden layers of `width`: forward, backward, and gradient descent."""

    n_operations = 28

    def __init__(self, batch: int = 64, width: int = 128) -> None:
        generator = np.random.default_rng(0)
        self.batch = batch
        self.x = generator.standard_normal((batch, width), dtype=np.float32)
        self.y = np.eye(10, dtype=np.float32)[generator.integers(0, 10, batch)]
        sizes = ((width, width), (width, width), (width, 10))
        self.w = [generator.standard_normal(s, dtype=np.float32) * 0.05 for s in sizes]
        self.b = [np.zeros(s[1], np.float32) for s in sizes]

    def __call__(self, op: Run) -> None:
        w, b, x = self.w, self.b, self.x
        z1 = op("add", np.add, op("matmul", np.matmul, x, w[0]), b[0])
        a1 = op("relu", relu, z1)
        z2 = op("add", np.add, op("matmul", np.matmul, a1, w[1]), b[1])
        a2 = op("relu", relu, z2)
        z3 = op("add", np.add, op("matmul", np.matmul, a2, w[2]), b[2])
        p = op("softmax", softmax, z3)
        op("mean", np.mean, op("loss", loss, p, self.y))
        g = op("scale", np.multiply, op("sub", np.subtract, p, self.y), 1 / self.batch)
        gradients = []
        for layer, (before, a) in enumerate(((z2, a2), (z1, a1), (None, x))):
            gradients.append(op("weight_gradient", weight_gradient, a, g))
            gradients.append(op("bias_gradient", bias_gradient, g))
            if before is not None:
                g = op("input_gradient", input_gradient, g, w[2 - layer])
                g = op("relu_gradient", relu_gradient, g, before)
        parameters = [w[2], b[2], w[1], b[1], w[0], b[0]]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            op("descend", descend, parameter, gradient)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def loss(p: Array, y: Array) -> Array:
    return np.log((p * y).sum(1) + 1e-9)


def weight_gradient(a: Array, g: Array) -> Array:
    return a.T @ g


def bias_gradient(g: Array) -> Array:
    return g.sum(0)


def input_gradient(g: Array, w: Array) -> Array:
    return g @ w.T


def relu_gradient(g: Array, z: Array) -> Array:
    return g * (z > 0)


def descend(parameter: Array, gradient: Array) -> Array:
    return np.subtract(parameter, 1e-3 * gradient, out=parameter)


def plain(name: str, run: Run, *inputs: Array) -> Array:
    """Run an operation and tell nobody."""
    return run(*inputs)


def publishing(topic: Topic[Any]) -> Run:
    """Give what runs an operation the way backends do: told of when somebody listens."""

    def op(name: str, run: Run, *inputs: Array) -> Array:
        record = topic.record
        if record is None:
            return run(*inputs)
        start = perf_counter_ns()
        result = run(*inputs)
        record((name, SHAPES, start, perf_counter_ns(), "NumPy", "body"))
        return result

    return op


def telling(tell: Callable[[str, int, int], None]) -> Run:
    """Give what runs an operation and tells a peer of it."""

    def op(name: str, run: Run, *inputs: Array) -> Array:
        start = perf_counter_ns()
        result = run(*inputs)
        tell(name, start, perf_counter_ns())
        return result

    return op
