"""The training step of the digits: ours beside the one a careful NumPy programmer writes by hand.

In the handwritten step everything is preallocated, every operation writes into its place,
parameters, gradients and the moments of Adam are flat vectors, and the derivative of the loss is
the closed form. Both are first shown to compute the same, then timed on one thread.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from st.core import Registry
from st.core.backend import spec
from st.nn.backends import choose_backend
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import Linear, Relu
from st.nn.optim import Adam
from st.nn.step import TrainingStep

NAME = "digits"
N_IN, N_HIDDEN, N_OUT = 64, 128, 10
LR = 0.002
BATCH_SIZES = (32, 256)
N_STEPS_COMPARED = 5
BETA1, BETA2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


class HandwrittenStep:
    """Forward, backward and Adam for linear, relu, linear and the cross-entropy.

    Args:
        weights: `(w1, b1, w2, b2)`, float32, shapes `(n_in, n_hidden)`, `(n_hidden,)`,
            `(n_hidden, n_out)`, `(n_out,)`; copied.
        batch_size: rows in every step.
        lr: the learning rate.
    """

    def __init__(
        self, weights: tuple[NDArray[np.float32], ...], batch_size: int, lr: float
    ) -> None:
        shapes = [weight.shape for weight in weights]
        self.flat = np.concatenate([weight.ravel() for weight in weights])
        self.gradient = np.zeros_like(self.flat)
        self._m = np.zeros_like(self.flat)
        self._v = np.zeros_like(self.flat)
        self._scratch = np.empty_like(self.flat)
        self._scratch2 = np.empty_like(self.flat)
        self.weights = split(self.flat, shapes)
        self._gradients = split(self.gradient, shapes)
        n_hidden, n_out = shapes[2]
        self._hidden = np.empty((batch_size, n_hidden), np.float32)
        self._d_hidden = np.empty((batch_size, n_hidden), np.float32)
        self._is_positive = np.empty((batch_size, n_hidden), np.bool_)
        self._scores = np.empty((batch_size, n_out), np.float32)
        self._column = np.empty((batch_size, 1), np.float32)
        self._rows = np.arange(batch_size)
        self._per_row = np.float32(1 / batch_size)
        self._lr = lr
        self._n_steps = 0
        self.loss_sum = 0.0

    def run(self, x: NDArray[np.float32], y: NDArray[np.int64]) -> None:
        """Take one step on `x`, shape `(batch, n_in)`, and its labels `y`, shape `(batch,)`."""
        w1, b1, w2, b2 = self.weights
        g_w1, g_b1, g_w2, g_b2 = self._gradients
        hidden, scores, column = self._hidden, self._scores, self._column

        np.matmul(x, w1, out=hidden)
        np.add(hidden, b1, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, w2, out=scores)
        np.add(scores, b2, out=scores)

        np.max(scores, axis=1, keepdims=True, out=column)
        np.subtract(scores, column, out=scores)
        chosen = scores[self._rows, y]
        np.exp(scores, out=scores)
        np.sum(scores, axis=1, keepdims=True, out=column)
        np.divide(scores, column, out=scores)
        np.log(column, out=column)
        self.loss_sum += float((column.sum() - chosen.sum()) * self._per_row)
        scores[self._rows, y] -= 1
        np.multiply(scores, self._per_row, out=scores)

        np.matmul(hidden.T, scores, out=g_w2)
        np.sum(scores, axis=0, out=g_b2)
        np.matmul(scores, w2.T, out=self._d_hidden)
        np.greater(hidden, 0, out=self._is_positive)
        np.multiply(self._d_hidden, self._is_positive, out=self._d_hidden)
        np.matmul(x.T, self._d_hidden, out=g_w1)
        np.sum(self._d_hidden, axis=0, out=g_b1)
        self._update()

    def _update(self) -> None:
        """Apply Adam (Kingma and Ba 2015, in the order of section 2) to all parameters at once."""
        m, v, scratch, scratch2 = self._m, self._v, self._scratch, self._scratch2
        self._n_steps += 1
        step = self._lr * (1 - 0.999**self._n_steps) ** 0.5 / (1 - 0.9**self._n_steps)
        epsilon = float(EPSILON) * (1 - 0.999**self._n_steps) ** 0.5
        np.multiply(m, BETA1, out=m)
        np.multiply(self.gradient, 1 - BETA1, out=scratch)
        np.add(m, scratch, out=m)
        np.multiply(v, BETA2, out=v)
        np.multiply(self.gradient, self.gradient, out=scratch)
        np.multiply(scratch, 1 - BETA2, out=scratch)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, np.float32(epsilon), out=scratch)
        np.divide(m, scratch, out=scratch2)
        np.multiply(scratch2, np.float32(step), out=scratch2)
        np.subtract(self.flat, scratch2, out=self.flat)


def split(flat: NDArray[np.float32], shapes: list[tuple[int, ...]]) -> list[NDArray[np.float32]]:
    """Give views of `flat`, one after the other, with the shapes asked for."""
    views = []
    start = 0
    for shape in shapes:
        size = int(np.prod(shape))
        views.append(flat[start : start + size].reshape(shape))
        start += size
    return views


def run(bench: Any) -> None:
    """Compare both steps, then time them; also give the number of calls in our plan."""
    n_calls = {}
    with Registry() as registry, threadpool_limits(1):
        registry.discover()
        backend = choose_backend(registry, "numpy").backend
        for batch_size in BATCH_SIZES:
            model = Model(
                [
                    ("0", Linear(out_features=N_HIDDEN)),
                    ("1", Relu()),
                    ("2", Linear(out_features=N_OUT)),
                ],
                spec((N_IN,), "float32"),
            )
            first = model.initialise(7)
            ours = TrainingStep(model, CrossEntropy(), Adam(lr=LR), backend, batch_size, first)
            byhand = HandwrittenStep(tuple(first.values()), batch_size, LR)
            random = np.random.default_rng(7)
            x = random.random((batch_size, N_IN), dtype=np.float32)
            y = random.integers(0, N_OUT, batch_size)
            for _ in range(N_STEPS_COMPARED):
                ours.run(x, y)
                byhand.run(x, y)
            for mine, theirs in zip(ours.parameters().values(), byhand.weights, strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-5)
            bench.case(
                f"one step, {N_IN}-{N_HIDDEN}-{N_OUT}, Adam, batch {batch_size}, one thread",
                {
                    "st, NumPy backend": lambda step=ours, x=x, y=y: step.run(x, y),
                    "handwritten NumPy": lambda step=byhand, x=x, y=y: step.run(x, y),
                },
            )
            n_calls[f"batch {batch_size}"] = ours.n_calls
    bench.record("calls in the plan of that step", n_calls, "calls")
