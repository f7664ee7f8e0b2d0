import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.core import EpochEnd, EventBus, Registry, Telemetry
from st.nn.backends import choose_backend
from st.nn.data import Dataset
from st.nn.keeper import CheckpointKeeper, last_checkpoint
from st.nn.modules import Linear
from st.nn.records import Records
from st.nn.run import RunDirectory
from st.nn.train import Trainer

HOUR_S = 3600.0


@pytest.fixture
def trainer(registry: Registry) -> Trainer:
    """Give a trainer that is ready, with a bus that nobody listens to."""
    backend = choose_backend(registry, "numpy").backend
    made = Trainer([Linear(out_features=2)], backend=backend, bus=EventBus(), batch_size=1)
    made.prepare(_data())
    return made


def _data() -> Dataset:
    x = np.arange(80, dtype=np.float32).reshape(40, 2)
    return Dataset(x, np.arange(40) % 2, ("no", "yes"), np.arange(1, 41))


def _keeper(trainer: Trainer, folder: Path, **options: Any) -> CheckpointKeeper:
    """Return a keeper that listens; accuracies of epochs are 0.1, 0.3, 0.2, 0.2, …"""
    records = Records()
    keeper = CheckpointKeeper(trainer, RunDirectory(folder), records, dict, **options)
    trainer.bus.subscribe(EpochEnd, lambda event: _tell(records, event), rank=1)
    trainer.bus.subscribe(EpochEnd, keeper.on_epoch_end)
    return keeper


def _tell(records: Records, event: EpochEnd) -> None:
    accuracy = {1: 0.1, 2: 0.3}.get(event.epoch, 0.2)
    told = {"epoch": float(event.epoch), "loss": event.loss, "held_out_accuracy": accuracy}
    records.on_telemetry(Telemetry(told))


def _epoch(folder: Path) -> int:
    epoch: int = json.loads((folder / "config.json").read_text("utf-8"))["epoch"]
    return epoch


def test_first_epoch_is_saved_and_the_next_ones_are_held(trainer: Trainer, tmp_path: Path) -> None:
    keeper = _keeper(trainer, tmp_path, every_s=HOUR_S)

    trainer.fit(_data(), epochs=3)

    assert (_epoch(tmp_path / "model"), keeper.saved_epoch) == (1, 1)
    keeper.flush()
    assert (_epoch(tmp_path / "model"), keeper.saved_epoch) == (3, 3)


def test_epoch_whose_listeners_are_interrupted_is_saved_in_the_end(
    trainer: Trainer, tmp_path: Path
) -> None:
    def interrupt(event: EpochEnd) -> None:
        if event.epoch == 3:
            raise KeyboardInterrupt

    keeper = _keeper(trainer, tmp_path, every_s=HOUR_S)
    trainer.bus.subscribe(EpochEnd, interrupt, rank=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(_data(), epochs=5)

    keeper.finish()

    assert (_epoch(tmp_path / "model"), keeper.saved_epoch) == (3, 3)


def test_interrupted_at_the_end_it_saves_first(trainer: Trainer, tmp_path: Path) -> None:
    interrupts = [KeyboardInterrupt()]

    def describe() -> dict[str, Any]:
        if trainer.epoch == 3 and interrupts:
            raise interrupts.pop()
        return {}

    keeper = CheckpointKeeper(trainer, RunDirectory(tmp_path), Records(), describe, every_s=HOUR_S)
    trainer.fit(_data(), epochs=3)

    with pytest.raises(KeyboardInterrupt):
        keeper.finish()

    assert (_epoch(tmp_path / "model"), keeper.saved_epoch) == (3, 3)


def test_what_is_held_is_a_copy_of_the_epoch_that_ended(trainer: Trainer, tmp_path: Path) -> None:
    keeper = _keeper(trainer, tmp_path, every_s=HOUR_S)
    trainer.fit(_data(), epochs=2)
    expected = trainer.parameters()
    for x, y in [(_data().x[:1], _data().y[:1])] * 3:
        trainer.step.run(x, y)

    keeper.flush()

    found = last_checkpoint(RunDirectory(tmp_path))
    assert found is not None
    np.testing.assert_array_equal(found[1].weights["0.weight"], expected["0.weight"])


def test_last_epochs_and_the_best_stay(trainer: Trainer, tmp_path: Path) -> None:
    _keeper(trainer, tmp_path, every_s=0, keep=2, best="held_out_accuracy")

    trainer.fit(_data(), epochs=5)

    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["best", "epoch-4", "epoch-5"]
    assert _epoch(tmp_path / "checkpoints/best") == 2


def test_best_epoch_is_not_lost_when_it_was_only_held(trainer: Trainer, tmp_path: Path) -> None:
    keeper = _keeper(trainer, tmp_path, every_s=HOUR_S, best="held_out_accuracy")

    trainer.fit(_data(), epochs=4)
    keeper.flush()

    assert _epoch(tmp_path / "checkpoints/best") == 2
    assert _epoch(tmp_path / "model") == 4


def test_nothing_beside_the_model_is_kept_unless_asked_for(
    trainer: Trainer, tmp_path: Path
) -> None:
    _keeper(trainer, tmp_path, every_s=0)

    trainer.fit(_data(), epochs=2)

    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_failure_to_save_stops_the_trainer(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = _keeper(trainer, tmp_path / "in the way" / "run", every_s=0)
    (tmp_path / "in the way").touch()

    trainer.fit(_data(), epochs=3)

    assert trainer.epoch == 1
    assert isinstance(keeper.error, OSError)


def test_run_without_a_checkpoint_has_no_last_one(tmp_path: Path) -> None:
    assert last_checkpoint(RunDirectory(tmp_path)) is None
