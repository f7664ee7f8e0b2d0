"""Keeps what training has reached on disk: a listener, which the trainer knows nothing of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from st.core import EpochEnd
from st.nn.checkpoint import (
    STATE,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from st.nn.files import complete_folder, remove_folder
from st.nn.records import Records
from st.nn.run import RunDirectory
from st.nn.train import BatchesDone, Trainer

PARTIAL: Final = "partial"
BEST: Final = "best"
_EPOCH: Final = "epoch-"


class CheckpointKeeper:
    """Saves checkpoints of a trainer while it fits.

    ``model`` in the run directory is the last epoch that ended; ``checkpoints/best`` the best one,
    ``checkpoints/epoch-<n>`` the last few that were saved, ``checkpoints/partial`` a place inside
    the current epoch, all where asked for or needed. Each is replaced as a whole.

    An epoch that ends too soon after the last save is held as a copy in memory; `flush` writes it.
    So frequent epochs cost no waiting for the disk, and whoever flushes in the end, also after
    Ctrl-C, has the last epoch on disk.

    Attributes:
        error: The first failure to save. It stops the trainer; training on helps nobody.
        saved_epoch: The epoch of ``model``; 0 while there is none.
    """

    def __init__(
        self,
        trainer: Trainer,
        directory: RunDirectory,
        records: Records,
        describe: Callable[[], Mapping[str, Any]],
        *,
        every_s: float,
        keep: int = 0,
        best: str | None = None,
    ) -> None:
        """Prepare; nothing is written yet.

        Args:
            trainer: Whose state is saved.
            directory: Where.
            records: Who hears of an epoch's figures before this does.
            describe: Gives the configuration of a model saved now, without ``epoch``.
            every_s: The first epoch is saved at once, after that no more often than this.
            keep: So many of the epochs that were saved last stay below ``checkpoints``.
            best: The metric whose best epoch stays below ``checkpoints``; none unless given.
        """
        self._trainer = trainer
        self._directory = directory
        self._records = records
        self._describe = describe
        self._every_s = every_s
        self._keep = keep
        self._best = best
        self._held: Checkpoint | None = None
        self._held_best: Checkpoint | None = None
        self._saved_at = time.monotonic()
        self.error: OSError | None = None
        # A run that is resumed inside its first epoch has none either.
        self.saved_epoch = trainer.epoch

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Take a copy of the epoch that ended, and save it if the last save is long enough ago."""
        self._held = self._taken()
        best = self._records.best.get(self._best) if self._best else None
        if best is not None and best.epoch == event.epoch:
            self._held_best = self._held
        if self._is_due() or not self.saved_epoch:
            self._try(self.flush)

    def on_batches_done(self, event: BatchesDone) -> None:
        """Save the place in the epoch if the last save is long enough ago."""
        if self._is_due():
            self._try(self._save_partial)

    def finish(self) -> None:
        """Write the last epoch that ended, even if Ctrl-C kept `on_epoch_end` from hearing of it.

        Ctrl-C during this is obeyed after the model is saved; a second one at once.

        Raises:
            OSError: See `flush`.
        """
        try:
            self._catch_up()
        except KeyboardInterrupt:
            self._catch_up()
            raise

    def _catch_up(self) -> None:
        held = self._held.config["epoch"] if self._held else self.saved_epoch
        # No step was taken since: whatever ends an epoch's listeners ends the training.
        if self._trainer.epoch > held:
            self._held = self._taken()
        self.flush()

    def flush(self) -> None:
        """Write what is held.

        Raises:
            OSError: The disk is full or not writable; what was saved before is untouched.
        """
        held = self._held
        if held is None or self.error is not None:
            return
        folder = self._directory.checkpoints
        # The model comes last: once it is there, nothing of its epoch is missing.
        if self._held_best is not None:
            save_checkpoint(folder / BEST, self._held_best)
        if self._keep:
            save_checkpoint(folder / f"{_EPOCH}{held.config['epoch']}", held)
        save_checkpoint(self._directory.model, held)
        self._held = self._held_best = None
        self.saved_epoch = held.config["epoch"]
        self._saved_at = time.monotonic()
        remove_folder(folder / PARTIAL)
        if self._keep:
            for _, outdated in sorted(_epochs(folder))[: -self._keep]:
                remove_folder(outdated)
        with suppress(OSError):  # it goes when it is empty
            folder.rmdir()

    def _save_partial(self) -> None:
        self.flush()
        save_checkpoint(self._directory.checkpoints / PARTIAL, self._taken())
        self._saved_at = time.monotonic()

    def _taken(self) -> Checkpoint:
        trainer = self._trainer
        config = {**self._describe(), **self._records.to_config(), "epoch": trainer.epoch}
        return Checkpoint(config, trainer.parameters(), trainer.state())

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self._every_s

    def _try(self, save: Callable[[], None]) -> None:
        try:
            save()
        except OSError as error:
            self.error = error
            self._trainer.stop()


def last_checkpoint(directory: RunDirectory) -> tuple[Path, Checkpoint] | None:
    """Return the checkpoint of a run that is furthest in the training, or None before the first.

    Where it was found comes first.

    Raises:
        CheckpointError: It is damaged.
    """
    found = []
    for folder in (directory.model, directory.checkpoints / PARTIAL):
        present = complete_folder(folder)
        if present.is_dir():
            found.append((present, load_checkpoint(folder)))
        elif os.path.lexists(present):
            raise CheckpointError(f"{present} is no directory")
    return max(found, key=_n_steps, default=None)


def _n_steps(found: tuple[Path, Checkpoint]) -> int:
    folder, checkpoint = found
    n_steps = checkpoint.state.get("n_steps")
    if n_steps is None or n_steps.shape or n_steps.dtype.kind not in "iu":
        raise CheckpointError(f"{folder / STATE}: expected 'n_steps', one whole number")
    return int(n_steps)


def _epochs(folder: Path) -> list[tuple[int, Path]]:
    numbers = ((path.name.removeprefix(_EPOCH), path) for path in folder.glob(f"{_EPOCH}*"))
    return [(int(number), path) for number, path in numbers if number.isdecimal()]
