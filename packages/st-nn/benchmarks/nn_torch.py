"""The six tasks in PyTorch, eager, with Adam in one kernel or as it is by default."""

from typing import Any

import torch
from six_tasks import Task
from six_torch import TorchStep


class DefaultStep(TorchStep):
    """See `nn_worker.System`."""

    @staticmethod
    def supports(task: Task) -> bool:
        """Every task can be taken."""
        return True

    def loss(self, made: Any) -> float:
        """See `System.loss`."""
        return float(made.item())

    def infer(self) -> Any:
        """See `System.infer`."""
        with torch.inference_mode():
            return self.forward(self.batches[0][0][:1]).numpy()


class FusedStep(DefaultStep):
    """With `fused=True`, which PyTorch calls the fastest."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, fused=True)
