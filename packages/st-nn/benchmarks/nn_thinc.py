"""The dense tasks in thinc, which has no convolution of images and no attention."""

from typing import Any

import numpy as np
import six_tasks
from six_tasks import Task
from thinc.api import Adam, Linear, Relu, chain


class ThincStep:
    """See `nn_worker.System`."""

    @staticmethod
    def supports(task: Task) -> bool:
        """Only dense layers can be taken."""
        return task.kind == "mlp"

    def __init__(self, task: Task) -> None:
        w = task.weights
        n_layers = len(w) // 2
        self._batches = [(x, np.eye(six_tasks.N_CLASSES, dtype="f")[y], y) for x, y in task.batches]
        layers = [
            (Relu if n < n_layers - 1 else Linear)(nO=w[f"w{n}"].shape[1], nI=w[f"w{n}"].shape[0])
            for n in range(n_layers)
        ]
        self._model = chain(*layers)
        self._model.initialize(X=self._batches[0][0], Y=self._batches[0][1])
        dense = [layer for layer in self._model.walk() if layer.has_param("W")]
        for n, layer in enumerate(dense):
            layer.set_param("W", np.ascontiguousarray(w[f"w{n}"].T))
            layer.set_param("b", w[f"b{n}"].copy())
        self._adam = Adam(
            six_tasks.LR,
            beta1=six_tasks.BETA1,
            beta2=six_tasks.BETA2,
            eps=six_tasks.EPSILON,
            L2=0.0,
            grad_clip=0.0,
            use_averages=False,
        )

    def run(self, n: int) -> Any:
        """See `System.run`."""
        x, wanted, y = self._batches[n % len(self._batches)]
        scores, back = self._model.begin_update(x)
        shares = _softmax(scores)
        back((shares - wanted) / len(x))
        self._model.finish_update(self._adam)
        return shares, y

    def loss(self, made: Any) -> float:
        """See `System.loss`."""
        shares, y = made
        return float(-np.log(shares[np.arange(len(y)), y]).mean())

    def infer(self) -> Any:
        """See `System.infer`."""
        return self._model.predict(self._batches[0][0][:1])


def _softmax(scores: Any) -> Any:
    e = np.exp(scores - scores.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
