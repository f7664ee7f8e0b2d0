"""The data of a run, read again: what it learned from, or other data of the same form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from st.core import Registry
from st.nn.backends import choose_backend
from st.nn.checkpoint import load_checkpoint
from st.nn.data import DataError, Dataset, FileSource, Source, TextSource
from st.nn.discovery import MODULE_REGISTRY
from st.nn.experiment.entries import make_metrics
from st.nn.experiment.sources import source_class
from st.nn.faults import DescriptionError
from st.nn.judge import Judge
from st.nn.run import RunDirectory, RunDirectoryError
from st.nn.saved import SavedModel, model_folder


def data_of(directory: RunDirectory, registry: Registry) -> tuple[Dataset, Dataset, Dataset]:
    """Return all rows of a run's data, those it learned from, and those held out.

    Raises:
        RunDirectoryError: The run's configuration does not describe data.
        DataError: The data is gone, or has changed since.
    """
    source, folder, seed = _described(directory, registry)
    data = source.read(folder)
    return data, *data.split(source.held_out, seed)


def other_data(
    directory: RunDirectory, path: Path, model: SavedModel, registry: Registry
) -> Dataset:
    """Return all rows of a file that has the columns of the run's data, or all of a text.

    Labels are the model's, also where the file has fewer classes.

    Raises:
        RunDirectoryError: The run's configuration does not describe data.
        DataError: The run's data is no file, this one cannot be read so, or has a class that the
            model does not know.
    """
    source, _, _ = _described(directory, registry)
    if isinstance(source, TextSource):
        known = "".join(model.classes)
        described_text = msgspec.structs.replace(
            source, path=path.name, sha256=None, characters=known
        )
        return described_text.read_whole(path.parent)
    if not isinstance(source, FileSource):
        raise DataError(path.name, "source", "a run whose data is a file", source.source)
    described = msgspec.structs.replace(source, path=path.name, sha256=None)
    data = described.read(path.parent)
    if not model.classes:
        return data
    unknown = sorted(set(data.classes) - set(model.classes))
    if unknown:
        raise DataError(
            path.name,
            "target",
            f"the classes {', '.join(map(repr, model.classes))}",
            ", ".join(map(repr, unknown)),
        )
    labels = np.array([model.classes.index(name) for name in data.classes], np.int64)
    return Dataset(data.x, labels[data.y], model.classes, data.rows, data.source, data.digest)


def judge_of(directory: RunDirectory, model: SavedModel, registry: Registry) -> Judge:
    """Return who judges data, which is scaled when it is read, by the model and metrics of a run.

    Raises:
        RunDirectoryError: The run's configuration does not describe metrics.
        DescriptionError: A metric is no longer there.
        CheckpointError: The model is damaged.
    """
    path = directory.path / "config.json"
    discovery = registry.get_service(MODULE_REGISTRY)
    try:
        entries = msgspec.convert(
            directory.read_config()["experiment"].get("metrics", []), list[str | dict[str, Any]]
        )
    except (KeyError, AttributeError, msgspec.ValidationError) as error:
        raise RunDirectoryError(f"{path} does not describe metrics: {error!r}") from None
    metrics, faults = make_metrics(entries, discovery)
    if faults:
        raise DescriptionError(str(path), faults)
    for entry in entries:
        discovery.activate(entry if isinstance(entry, str) else entry["type"])
    weights = load_checkpoint(model_folder(directory.path)).weights
    return Judge(model.model, metrics, weights, choose_backend(registry, "numpy").backend)


def _described(directory: RunDirectory, registry: Registry) -> tuple[Source, Path, int]:
    config = directory.read_config()
    try:
        values = dict(config["experiment"]["data"])
        source = msgspec.convert(values, source_class(registry, values["source"]))
        seed = msgspec.convert(config["seed"], Annotated[int, Meta(ge=0, le=2**63 - 1)])
    except (msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
        raise RunDirectoryError(
            f"{directory.path / 'config.json'} does not describe data: {error!r}"
        ) from None
    if not isinstance(source, FileSource):
        return source, Path(), seed
    # Messages call the file by its name, not by where it lies.
    path = Path(source.path)
    return msgspec.structs.replace(source, path=path.name), path.parent, seed
