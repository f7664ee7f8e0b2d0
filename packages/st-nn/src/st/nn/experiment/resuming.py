"""Going on with a run that stopped: the same experiment, the same data, from the same step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from st.core import StError
from st.core.backend import spec
from st.nn.backends import BackendChoice
from st.nn.checkpoint import CONFIG, STATE, WEIGHTS, CheckpointError, check_arrays
from st.nn.data import Dataset, Source
from st.nn.experiment.check import CheckedExperiment
from st.nn.experiment.document import Document, read_document
from st.nn.experiment.schema import Experiment
from st.nn.faults import shown
from st.nn.flat import ParameterError
from st.nn.keeper import last_checkpoint
from st.nn.records import Records
from st.nn.run import RunDirectory, RunDirectoryError
from st.nn.saved import specs
from st.nn.train import Trainer

_TOLD: Final = frozenset({"epoch", "loss", "images_per_second"})
"""Figures that every epoch tells."""

_MAY_CHANGE: Final = frozenset(
    {"epochs", "checkpoint", "early_stopping", "metrics", "prefetch", "output", "backend"}
)
"""Keys that decide nothing about the steps already taken; the backend is compared as chosen."""

_OF_THE_FILE: Final = frozenset({"path", "sha256", "largest"})
"""Keys of the data that the fingerprint stands for."""


class ResumeError(StError, ValueError):
    """A run cannot be gone on with as it is: something it depends on has changed."""


class _Story(msgspec.Struct, frozen=True):
    """What a run's configuration tells of its past, which going on adds to."""

    started: str
    resumed: list[dict[str, Any]] = []


class Fingerprint(msgspec.Struct, frozen=True):
    """What tells data from other data.

    Attributes:
        rows: Examples in all, learned from and held out.
        columns: Numbers in one of them, the target's included.
        sha256: Of the source's bytes, or empty.
    """

    rows: int
    columns: int
    sha256: str

    def changes(self, now: Fingerprint) -> Iterator[str]:
        """Yield what differs, in words."""
        for name, then in msgspec.structs.asdict(self).items():
            value = getattr(now, name)
            if value != then:
                yield f"{name} {then} then, {value} now"


def fingerprint(learned: Dataset, held_out: Dataset) -> Fingerprint:
    """Return the fingerprint of data that was split."""
    n_numbers = learned.x[0].size
    return Fingerprint(len(learned) + len(held_out), n_numbers + 1, learned.digest)


def described(path: Path, *, resume: bool) -> tuple[Document, RunDirectory | None]:
    """Return the experiment at `path`, which may be a run directory if that is to be resumed.

    Returns:
        The experiment, and the run directory if `path` is one.

    Raises:
        ExperimentFileError: The file cannot be read.
        RunDirectoryError: The directory is no run's.
    """
    if resume and path.is_dir():
        directory = RunDirectory(path)
        return document_of(directory), directory
    return read_document(path), None


def document_of(directory: RunDirectory) -> Document:
    """Return the experiment of a run, to be checked and gone on with.

    Raises:
        RunDirectoryError: The directory is no run's.
    """
    path = directory.path / "config.json"
    try:
        values = dict(directory.read_config()["experiment"])
        values["data"] = {
            k: v for k, v in values["data"].items() if k != "sha256" and v is not None
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunDirectoryError(f"{path} does not describe an experiment: {error!r}") from None
    # The checksum is compared later, together with rows and columns, so that all is told at once.
    # Paths of data are absolute in there; that of the output is where the run lies.
    values["output"] = str(directory.path.parent)
    return Document(str(path), values)


def compare(
    directory: RunDirectory,
    stored: Mapping[str, Any],
    described: Mapping[str, Any],
    source: type[Source],
    choice: BackendChoice,
) -> None:
    """Make sure that what a run stored still describes it.

    Args:
        directory: Of the run, for the message.
        stored: The run's configuration.
        described: The configuration that a new run would store.
        source: The class of the source; keys it has gained since then have their defaults.
        choice: The backend that would compute.

    Raises:
        ResumeError: Data, experiment or backend changed; every change is told.
        RunDirectoryError: The configuration lacks what there is to compare.
    """
    try:
        # As it would be read back: JSON has lists where Python has tuples.
        then, now = stored["experiment"], json.loads(json.dumps(described["experiment"]))
        then = {**_defaults(Experiment), **then, "data": {**_defaults(source), **then["data"]}}
        data_then, data_now = (
            msgspec.convert(each["data"], Fingerprint) for each in (stored, described)
        )
        changes = [f"the data: {change}" for change in data_then.changes(data_now)]
        # A schedule runs over all epochs, so their number decides the rate of the first step.
        may_change = _MAY_CHANGE - {"epochs"} if then["schedule"] else _MAY_CHANGE
        changes += _changes(then, now, may_change | {"data"})
        changes += _changes(then["data"], now["data"], _OF_THE_FILE, "data → ")
        msgspec.convert(stored, _Story)
        if stored["backend"]["name"] != choice.name:
            changes.append(f"backend {stored['backend']['name']} then, {choice.name} now")
    except (msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
        path = directory.path / "config.json"
        raise RunDirectoryError(f"{path} does not say how to go on: {error!r}") from None
    if changes:
        raise ResumeError(
            f"{directory.path} cannot be resumed, since it would not be the same run: "
            f"{'; '.join(changes)}. Undo the change, or start a new run without --resume"
        )


def restore(
    directory: RunDirectory, checked: CheckedExperiment, trainer: Trainer, records: Records
) -> None:
    """Bring `trainer` and `records` to where the run's last checkpoint stands, if it has one.

    Raises:
        CheckpointError: The checkpoint is damaged, or of another model.
    """
    found = last_checkpoint(directory)
    if found is None:
        return
    folder, checkpoint = found
    check_arrays(folder / WEIGHTS, checkpoint.weights, specs(trainer.step.model))
    fresh = {name: spec(array.shape, array.dtype.name) for name, array in trainer.state().items()}
    check_arrays(folder / STATE, checkpoint.state, fresh)
    for fault in _faults(checkpoint.state, len(checked.learned), trainer.batch_size):
        raise CheckpointError(f"{folder / STATE}: {fault}")
    try:
        records.load(checkpoint.config)
        trainer.load_state(checkpoint.weights, checkpoint.state)
    except (ParameterError, msgspec.ValidationError) as error:
        raise CheckpointError(f"{folder} cannot be gone on from: {error}") from None
    if trainer.epoch and not records.latest.keys() >= _TOLD:
        raise CheckpointError(
            f"{folder / CONFIG}: expected the metrics {', '.join(sorted(_TOLD))} of its epoch, "
            f"given {shown(sorted(records.latest))}"
        )


def _faults(state: Mapping[str, NDArray[Any]], n_examples: int, batch_size: int) -> Iterator[str]:
    """Yield what is wrong with the place in the training that a state tells."""
    for name, array in state.items():
        if not array.shape and not 0 <= array < np.inf and name != "trainer.loss_sum":
            yield f"expected {name!r} to be 0 or more, given {array}"
    if not np.isfinite(state["trainer.loss_sum"]):
        yield f"expected 'trainer.loss_sum' to be a number, given {state['trainer.loss_sum']}"
    n_batches = -(-n_examples // batch_size)
    if state["trainer.n_batches"] > n_batches:
        yield f"batch {state['trainer.n_batches']} of an epoch of {n_batches}"
    if state["trainer.n_examples"] > n_examples:
        yield f"{state['trainer.n_examples']} examples learned from of {n_examples}"


def _changes(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    ignored: frozenset[str],
    at: str = "",
) -> Iterator[str]:
    for key in sorted({*then, *now} - ignored):
        if then.get(key) != now.get(key):
            yield f"{at}{key} {shown(then.get(key))} then, {shown(now.get(key))} now"


def _defaults(of: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the defaults of a class as they would be read back."""
    found = {
        field.encode_name: field.default
        if field.default_factory is msgspec.NODEFAULT
        else field.default_factory()
        for field in msgspec.structs.fields(of)
        if not field.required
    }
    values: dict[str, Any] = json.loads(msgspec.json.encode(found))
    return values
