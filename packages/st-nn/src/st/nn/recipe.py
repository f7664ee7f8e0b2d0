"""What a training step is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from st.core.backend import Backend
from st.nn.losses import Loss
from st.nn.metrics import Metric
from st.nn.model import Model
from st.nn.optim import Optimizer
from st.nn.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Recipe:
    """Model, loss, optimizer, and what goes with them; no numbers.

    Attributes:
        model: What is trained.
        loss: What is made small.
        optimizer: How.
        backend: Where.
        schedule: How the optimizer's rate changes, or None.
        metrics: Further figures of data held out, by name.
    """

    model: Model
    loss: Loss
    optimizer: Optimizer
    backend: Backend
    schedule: Schedule | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
