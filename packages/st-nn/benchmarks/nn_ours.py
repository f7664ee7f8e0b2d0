"""The six tasks in this project: the training step that every run takes, on the NumPy backend."""

from typing import Any

from six_models import input_of, model_of, step_of, weights_of
from six_tasks import Task

from st.core import Registry
from st.nn import Predictor, choose_backend


class OurStep:
    """See `nn_worker.System`."""

    @staticmethod
    def supports(task: Task) -> bool:
        """Every task can be taken."""
        return True

    def __init__(self, task: Task) -> None:
        registry = Registry()
        registry.discover()
        backend = choose_backend(registry, "numpy").backend
        self._batches = [(input_of(task, x), y) for x, y in task.batches]
        self._step = step_of(task, backend)
        self._predictor = Predictor(model_of(task), weights_of(task), backend)
        self._one = self._batches[0][0][:1]

    def run(self, n: int) -> None:
        """See `System.run`."""
        self._step.run(*self._batches[n % len(self._batches)])

    def loss(self, made: object) -> float:
        """See `System.loss`."""
        return self._step.read_loss()

    def infer(self) -> Any:
        """See `System.infer`."""
        return self._predictor(self._one)
