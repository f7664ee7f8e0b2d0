"""Ends training that no longer gets better: a listener, which the trainer knows nothing of."""

from __future__ import annotations

from st.core import EpochEnd
from st.nn.records import Records
from st.nn.train import Trainer


class EarlyStopping:
    """Stops a trainer once a metric has not got better for a number of epochs."""

    def __init__(self, trainer: Trainer, records: Records, *, metric: str, patience: int) -> None:
        """Prepare.

        Args:
            trainer: Who is stopped.
            records: Who hears of an epoch's figures before this does.
            metric: Which figure; one that is never told stops nothing.
            patience: Epochs without a better one, 1 or more.
        """
        self._trainer = trainer
        self._records = records
        self._metric = metric
        self._patience = patience

    @property
    def is_over(self) -> bool:
        """Whether the last epoch told is so far behind the best one."""
        best = self._records.best.get(self._metric)
        if best is None:
            return False
        return self._records.latest["epoch"] - best.epoch >= self._patience

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Stop the trainer after this epoch if it is over."""
        if self.is_over:
            self._trainer.stop()
