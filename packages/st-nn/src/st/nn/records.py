"""What a run has told of its epochs: the latest figures, and the best of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from st.core import Telemetry

_HIGHER_IS_BETTER = ("accuracy", "r2")


class Best(msgspec.Struct, frozen=True):
    """The best value of a metric, and the epoch that told it."""

    value: float
    epoch: int


class Records:
    """Listens to the telemetry of epochs. Where values are equal, the earlier epoch is the best.

    Attributes:
        latest: What the last epoch told.
        best: The best of each metric so far, by name.
    """

    def __init__(self, higher_is_better: Mapping[str, bool] | None = None) -> None:
        """Begin with nothing known.

        Args:
            higher_is_better: Which way is up, of metrics by name; of others it is known.
        """
        self._higher_is_better = higher_is_better or {}
        self.latest: Mapping[str, float] = {}
        self.best: dict[str, Best] = {}

    def on_telemetry(self, event: Telemetry) -> None:
        """Take what an epoch tells; telemetry without ``epoch`` and ``loss`` is another's."""
        if not {"epoch", "loss"} <= event.data.keys():
            return
        self.latest = dict(event.data)
        epoch = int(event.data["epoch"])
        for metric, value in event.data.items():
            best = self.best.get(metric)
            if best is None or self._is_better(metric, value, best.value):
                self.best[metric] = Best(value, epoch)

    def to_config(self) -> dict[str, Any]:
        """Return everything as plain values that `load` takes."""
        return {"metrics": dict(self.latest), "best": msgspec.to_builtins(self.best)}

    def load(self, config: Mapping[str, Any]) -> None:
        """Take what `to_config` gave; keys that are not there leave nothing known.

        Raises:
            msgspec.ValidationError: `config` is not of that form.
        """
        self.latest = msgspec.convert(config.get("metrics", {}), dict[str, float])
        self.best = msgspec.convert(config.get("best", {}), dict[str, Best])

    def _is_better(self, metric: str, value: float, than: float) -> bool:
        own = metric.endswith(_HIGHER_IS_BETTER)
        return value > than if self._higher_is_better.get(metric, own) else value < than
