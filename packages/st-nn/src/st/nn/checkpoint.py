"""A model on disk: what it is as JSON, its numbers as safetensors. Nothing in it is executed.

A checkpoint is a folder of three files: ``config.json`` with ``"format": 1``, the description of
the pipeline and of what it was trained on; ``weights.safetensors``, one tensor a parameter; and
``state.safetensors``, what the optimizer remembers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from st.core import StError
from st.core.backend import Spec
from st.nn.faults import printable
from st.nn.files import MAX_TEXT, complete_folder, read_file, write_folder

FORMAT: Final = 1
Arrays = Mapping[str, NDArray[Any]]

_LONGEST: Final = 200
CONFIG: Final = "config.json"
WEIGHTS: Final = "weights.safetensors"
STATE: Final = "state.safetensors"


class CheckpointError(StError, ValueError):
    """A checkpoint is missing, damaged, or not one that this version can read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The contents of a checkpoint.

    Attributes:
        config: Plain values; `FORMAT` is added when they are written.
        weights: The parameters by name.
        state: What the optimizer remembers, by name.
    """

    config: Mapping[str, Any]
    weights: Arrays
    state: Arrays = field(default_factory=dict)


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `folder`, replacing an older one there.

    A kill at any moment leaves the older or the newer one for `load_checkpoint`.

    Raises:
        OSError: The disk is full or the place is not writable; the older one is untouched.
    """
    config = {"format": FORMAT, **checkpoint.config}
    write_folder(
        folder,
        {
            CONFIG: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
            WEIGHTS: save(dict(checkpoint.weights)),
            STATE: save(dict(checkpoint.state)),
        },
    )


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: It is missing, damaged, of another format, or holds weights that are no
            finite numbers, or a state that holds what is no number.
    """
    found = complete_folder(folder)
    if not found.is_dir():
        raise CheckpointError(f"{folder} is no checkpoint: there is no such directory")
    config = read_config(folder)
    weights, state = _read_arrays(found / WEIGHTS), _read_arrays(found / STATE)
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise CheckpointError(
                f"{found / WEIGHTS}: {name!r:.60} holds values that are not finite"
            )
    for name, array in state.items():
        # A mean of squares may be infinite where the weights are not.
        if np.isnan(array).any():
            raise CheckpointError(f"{found / STATE}: {name!r:.60} holds what is no number")
    return Checkpoint(config, weights, state)


def read_config(folder: Path) -> dict[str, Any]:
    """Read only what a checkpoint says of itself, without its numbers.

    Raises:
        CheckpointError: It is missing, damaged, or of another format.
    """
    path = complete_folder(folder) / CONFIG
    try:
        config = json.loads(_read(path, MAX_TEXT))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        given = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(
            f"{path}: expected a checkpoint of format {FORMAT}, given format {given!r}"
        )
    return config


def check_arrays(path: Path, given: Arrays, expected: Mapping[str, Spec]) -> None:
    """Make sure that a file holds what is expected, before memory is given to it.

    Args:
        path: The file, for messages.
        given: What it holds.
        expected: Shape and type of everything, by name.

    Raises:
        CheckpointError: An array is missing, unknown, or of another type or shape.
    """
    for name in (*expected, *given):
        if name not in given:
            raise CheckpointError(f"{path}: {name!r:.60} is missing")
        if name not in expected:
            raise CheckpointError(f"{path}: {name!r:.60} is none of this model")
        array, of = given[name], expected[name]
        if array.dtype != of.dtype:
            raise CheckpointError(f"{path}: {name!r:.60} is {array.dtype}, expected {of.dtype}")
        if array.shape != of.shape:
            raise CheckpointError(
                f"{path}: {name!r:.60} has shape {of.shape}, got {array.shape!s:.60}"
            )


def _read_arrays(path: Path) -> Arrays:
    data = _read(path)
    try:
        arrays = load(data)
    except KeyError as error:  # a type that NumPy lacks
        raise CheckpointError(f"{path} holds numbers of type {error}, which are not ours") from None
    except (SafetensorError, ValueError, MemoryError) as error:
        text = printable(str(error))[:_LONGEST]
        raise CheckpointError(f"{path} is damaged or cut short: {text}") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise CheckpointError(f"{path}: {name!r:.60} is {array.dtype}, which is not ours")
    return arrays


def _read(path: Path, most: int | None = None) -> bytes:
    try:
        return read_file(path, most)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from None
