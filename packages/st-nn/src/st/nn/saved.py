"""A trained model from disk, ready to be called from any program.

model = st.nn.load("runs/digits-1")
scores = model(images)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.core import Registry, StError
from st.core.backend import Backend, Spec, spec
from st.nn.backends import choose_backend
from st.nn.checkpoint import (
    WEIGHTS,
    Checkpoint,
    CheckpointError,
    check_arrays,
    load_checkpoint,
)
from st.nn.discovery import MODULE_REGISTRY
from st.nn.faults import DescriptionError
from st.nn.files import complete_folder
from st.nn.host import BatchError
from st.nn.model import Model
from st.nn.pipeline import ModulePipelineBuilder
from st.nn.predictor import Predictor


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the ``config.json`` of a model says. Keys that a newer version adds are ignored.

    Attributes:
        name: The experiment's name.
        input: The shape of one example.
        model: The modules in order, each ``type`` and the values of its fields.
        classes: The names of the classes, in the order of the outputs; none where it tells numbers.
        scale: The numbers of the data are multiplied by it before the first module.
        is_text: Whether an example is a piece of text, and the classes are its characters.
        epoch: After which epoch the model was saved.
        metrics: How it did then.
        versions: What it was made with.
    """

    name: str
    input: list[Annotated[int, Meta(ge=1)]]
    model: list[dict[str, Any]]
    classes: tuple[str, ...]
    scale: Annotated[float, Meta(ge=1e-30, le=1e30)] = 1.0
    is_text: bool = False
    epoch: int = 0
    metrics: dict[str, float] = {}
    versions: dict[str, str] = {}


class NoClassesError(StError, TypeError):
    """A model that tells numbers was asked for classes."""


class SavedModel:
    """A trained model. Safe to call from any thread.

    Attributes:
        config: What it is and how it was made.
        model: Its modules and shapes.
    """

    def __init__(self, config: ModelConfig, model: Model, predictor: Predictor) -> None:
        self.config = config
        self.model = model
        self._predictor = predictor

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.config.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the scores."""
        return self.config.classes

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the scores of every class, the highest is the model's answer; or the numbers told.

        Args:
            x: Numbers as the data file has them, shape `(batch, *input)` or, laid flat,
                `(batch, size of an example)`. Not modified.

        Returns:
            float32, shape `(batch, classes)`, logits, or `(batch, targets)`; of a text
            `(batch, length, characters)`, what comes after each character. A new array.

        Raises:
            BatchError: The shape is another, or these are no numbers.
        """
        given = np.asarray(x)
        if given.dtype.kind not in "buif":
            raise BatchError(f"x is of type {given.dtype}, expected real numbers")
        scaled = np.multiply(given, self.config.scale, dtype=np.float32)
        if scaled.ndim == 2 and scaled.shape[1] == self.model.input.size:
            scaled = scaled.reshape(len(scaled), *self.model.input.shape)
        return self._predictor(scaled)

    def probabilities(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the softmax of the scores: float32, shaped as they, adding up to 1 at the end.

        Raises:
            NoClassesError: The model gives numbers; call it instead.
        """
        scores = self._scores(x)
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
        shares: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
        return shares

    def predict(self, x: NDArray[Any]) -> list[str]:
        """Return the name of the class with the highest score, for each example.

        Of a text that is the character after the last.

        Raises:
            NoClassesError: The model gives numbers; call it instead.
            BatchError: A row holds what is no number, so no class is the likeliest.
        """
        scores = self._scores(x)
        if self.config.is_text:
            scores = scores[:, -1]
        unknown = np.isnan(scores).any(axis=1)
        if unknown.any():
            row = int(unknown.argmax())
            raise BatchError(f"x: row {row} gives no scores; are all of its values finite numbers?")
        return [self.classes[label] for label in scores.argmax(axis=1)]

    def __repr__(self) -> str:
        of = (
            f"{len(self.classes)} classes" if self.classes else f"{self.model.output.shape} numbers"
        )
        return f"<SavedModel {self.name!r}: {self.model.input.shape} to {of}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be copied or pickled; load it where it is used")

    def _scores(self, x: NDArray[Any]) -> NDArray[Any]:
        if not self.classes:
            raise NoClassesError(f"model {self.name!r} gives numbers, not classes; call it instead")
        return self(x)


def load(
    run: str | Path, *, registry: Registry | None = None, backend: str = "numpy"
) -> SavedModel:
    """Return the model that a run saved; imports no trainer, and executes nothing from the files.

    Args:
        run: A run directory, or the ``model`` directory in it.
        registry: Where modules and backends are found. Unless given, a registry of its own that
            finds the installed plugins and starts none but those the model needs.
        backend: What computes.

    Raises:
        CheckpointError: The model is missing, damaged, or names what is not installed.
        BackendNotFoundError, BackendUnusableError: The backend cannot be had.
    """
    folder = model_folder(Path(run))
    checkpoint = load_checkpoint(folder)
    if registry is None:
        registry = Registry()
        registry.discover()
    config, model = _described(folder, checkpoint, registry)
    chosen = choose_backend(registry, backend).backend
    return SavedModel(config, model, _predictor(folder, model, checkpoint.weights, chosen))


def model_folder(run: Path) -> Path:
    """Return where the model of a run is: its ``model`` directory, or `run` itself."""
    is_checkpoint = (complete_folder(run) / "weights.safetensors").is_file()
    return run if is_checkpoint else run / "model"


def _described(
    folder: Path, checkpoint: Checkpoint, registry: Registry
) -> tuple[ModelConfig, Model]:
    try:
        config = msgspec.convert(dict(checkpoint.config), ModelConfig)
        description = {"name": config.name, "input": config.input, "model": config.model}
        discovery = registry.get_service(MODULE_REGISTRY)
        model = ModulePipelineBuilder.from_config(description, discovery).build()
    except msgspec.ValidationError as error:
        raise CheckpointError(f"{folder / 'config.json'} is damaged: {error}") from None
    except DescriptionError as error:
        faults = "; ".join(map(str, error.faults))
        raise CheckpointError(f"{folder / 'config.json'}: {faults}") from None
    if config.is_text and (
        len(config.input) != 1 or any(len(name) != 1 for name in config.classes)
    ):
        raise CheckpointError(
            f"{folder / 'config.json'}: expected a window of characters and a class for each, "
            f"given an input of shape {model.input.shape} and classes of several characters"
        )
    before = model.input.shape if config.is_text else ()
    if config.classes and model.output.shape != (*before, len(config.classes)):
        raise CheckpointError(
            f"{folder / 'config.json'}: {len(config.classes)} classes, "
            f"but the model gives {model.output.shape}"
        )
    return config, model


def _predictor(
    folder: Path, model: Model, weights: Mapping[str, NDArray[Any]], backend: Backend
) -> Predictor:
    check_arrays(complete_folder(folder) / WEIGHTS, weights, specs(model))
    return Predictor(model, weights, backend)


def specs(model: Model) -> dict[str, Spec]:
    """Return shape and type of the parameters and running state of `model`, by name."""
    infos = {**model.parameters, **model.states}
    return {name: spec(info.shape, info.dtype) for name, info in infos.items()}
