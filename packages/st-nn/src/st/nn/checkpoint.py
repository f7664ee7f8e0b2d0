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
from st.nn.files import complete_folder, write_folder

FORMAT: Final = 1
Arrays = Mapping[str, NDArray[Any]]

_CONFIG, _WEIGHTS, _STATE = "config.json", "weights.safetensors", "state.safetensors"


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
            _CONFIG: (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode(),
            _WEIGHTS: save(dict(checkpoint.weights)),
            _STATE: save(dict(checkpoint.state)),
        },
    )


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: It is missing, damaged, of another format, or holds weights that are no
            finite numbers.
    """
    found = complete_folder(folder)
    if not found.is_dir():
        raise CheckpointError(f"{folder} is no checkpoint: there is no such directory")
    config = read_config(folder)
    weights = _read_arrays(found / _WEIGHTS)
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise CheckpointError(f"{found / _WEIGHTS}: {name!r} holds values that are not finite")
    return Checkpoint(config, weights, _read_arrays(found / _STATE))


def read_config(folder: Path) -> dict[str, Any]:
    """Read only what a checkpoint says of itself, without its numbers.

    Raises:
        CheckpointError: It is missing, damaged, or of another format.
    """
    path = complete_folder(folder) / _CONFIG
    try:
        config = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        given = config.get("format") if isinstance(config, dict) else None
        raise CheckpointError(
            f"{path}: expected a checkpoint of format {FORMAT}, given format {given!r}"
        )
    return config


def _read_arrays(path: Path) -> Arrays:
    try:
        return load(_read(path))
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged or cut short: {error}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from None
