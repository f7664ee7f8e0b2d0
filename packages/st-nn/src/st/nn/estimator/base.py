"""What both estimators share: their parameters, learning, saving and loading."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from st.core import EpochEnd, EventBus, StError, init_plugin_system
from st.nn.backends import choose_backend
from st.nn.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from st.nn.data import Dataset
from st.nn.discovery import MODULE_REGISTRY
from st.nn.estimator.description import optimizer, options, pipeline, plain
from st.nn.estimator.network import Network, of_dtype
from st.nn.estimator.scikit_learn import (
    BaseEstimator,
    check_is_fitted,
    check_random_state,
    validate_data,
)
from st.nn.losses import Loss
from st.nn.saved import SavedModel, load
from st.nn.train import Trainer

DTYPES = [np.float64, np.float32]
"""What is computed in: the type of the X that is learned from; anything else becomes the first."""


class NotSavableError(StError, TypeError):
    """An estimator holds what no file can: labels that are neither text nor numbers."""


class EstimatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the ``config.json`` of a saved estimator says beside what every model's says.

    Attributes:
        type: The name of its class.
        parameters: What `get_params` gave.
        labels: The classes as they were given; none of a regressor.
        labels_dtype: Their NumPy type.
        features: The names of the columns, if X had names.
    """

    type: str
    parameters: dict[str, Any]
    labels: list[str | bool | int | float] = []
    labels_dtype: Annotated[str, Meta(pattern=r"^([<>|][biuf][1248]|[<>]U\d{1,4}|object|)$")] = ""
    features: list[str] = []


class StEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of the estimators; not one itself.

    Attributes:
        network_: The trained model.
        loss_curve_: The mean loss of every epoch; a loaded estimator has none.
        n_features_in_: Columns of the X that was learned from.
        feature_names_in_: Their names, if X had names.
    """

    network_: Network
    loss_curve_: list[float]

    def __init__(
        self,
        hidden: Any = (64,),
        *,
        optimizer: Any = "adam",
        lr: float = 0.003,
        epochs: int = 100,
        batch_size: int = 32,
        random_state: Any = None,
        backend: str = "numpy",
    ) -> None:
        """Keep the parameters as they are; `fit` checks them.

        Args:
            hidden: What comes before the last, linear module: sizes, each a linear module and a
                relu, or modules as experiment files have them, such as ``{"type": "gelu"}``.
            optimizer: The name of one, or ``type`` and its fields.
            lr: The learning rate, above 0.
            epochs: How often all rows are learned from.
            batch_size: Rows in one step.
            random_state: Decides the first weights and the order of rows, as in scikit-learn.
            backend: What computes: ``numpy``, or the name of another one that is installed, or
                ``auto``.
        """
        self.hidden = hidden
        self.optimizer = optimizer
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.backend = backend

    def _learned(self, data: Dataset, loss: Loss) -> Network:
        """Return a network for `data`, whose x is `(rows, features)`, trained from the beginning.

        Raises:
            DescriptionError: A parameter has a fault.
            BackendNotFoundError, BackendUnusableError: The backend cannot be had.
            TrainingDivergedError: The loss is no number any more.
        """
        source = type(self).__name__
        registry = init_plugin_system()
        discovery = registry.get_service(MODULE_REGISTRY)
        chosen = options(source, self.get_params(deep=False))
        builder = pipeline(source, self.hidden, data.x.shape[1], data.output_shape[0], discovery)
        # Fits may run beside one another, so what one of them tells is heard by it alone.
        losses: list[float] = []
        bus = EventBus()
        bus.subscribe(EpochEnd, lambda event: losses.append(event.loss))
        trainer = Trainer(
            of_dtype(builder.build(), data.x.dtype.name),
            loss=loss,
            optimizer=optimizer(source, self.optimizer, chosen.lr, discovery),
            backend=choose_backend(registry, self.backend).backend,
            bus=bus,
            batch_size=chosen.batch_size,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
        )
        trainer.fit(data, epochs=chosen.epochs)
        self.loss_curve_ = losses
        return Network(builder.to_config(), trainer.parameters(), self.backend)

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return what the network gives for X, checked: one row each."""
        check_is_fitted(self)
        return self.network_(validate_data(self, X, dtype=DTYPES, reset=False))

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to the folder `path`, replacing an older one there.

        `st.nn.load` gives the model in it to a program without scikit-learn. Numbers are written
        as float32, and are what a loaded estimator computes in. No pickle.

        Raises:
            NotFittedError: There is nothing to save yet.
            NotSavableError: The classes are neither text nor numbers.
            OSError: It cannot be written; an older one is untouched.
        """
        check_is_fitted(self)
        weights = {
            name: np.asarray(array, np.float32) for name, array in self.network_.weights.items()
        }
        config = {
            **self.network_.description,
            "classes": [str(label) for label in self._labels()],
            "estimator": msgspec.to_builtins(self._config()),
        }
        save_checkpoint(Path(path), Checkpoint(config, weights))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the estimator that `save` wrote; executes nothing from the files.

        Raises:
            CheckpointError: It is missing, damaged, no estimator of this class, or names what is
                not installed.
        """
        folder = Path(path)
        model = load(folder, registry=init_plugin_system())  # so its parts fit together
        checkpoint = load_checkpoint(folder)
        at = folder / "config.json"
        try:
            config = msgspec.convert(checkpoint.config.get("estimator"), EstimatorConfig)
            made = cls(**config.parameters)
            made._restore(config, model)
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"{at} does not describe a {cls.__name__}: {error}") from None
        description = {name: checkpoint.config[name] for name in ("name", "input", "model")}
        made.network_ = Network(description, checkpoint.weights, made.backend)
        return made

    def _labels(self) -> NDArray[Any]:
        """Return the classes; none of a regressor."""
        return np.empty(0)

    def _config(self) -> EstimatorConfig:
        values = plain(self.get_params(deep=False))
        if not isinstance(values["random_state"], int | None):
            values["random_state"] = None  # a generator has moved on; no number stands for it
        return EstimatorConfig(
            type=type(self).__name__,
            parameters=values,
            features=[str(name) for name in getattr(self, "feature_names_in_", ())],
        )

    def _restore(self, config: EstimatorConfig, model: SavedModel) -> None:
        """Take what `_config` gave, and what is known of the model beside it.

        Raises:
            TypeError, ValueError, OverflowError: It does not fit together.
        """
        if config.type != type(self).__name__:
            raise ValueError(f"it is of a {config.type}")
        (n_features,) = model.model.input.shape
        self.n_features_in_ = n_features
        if config.features:
            if len(config.features) != n_features:
                raise ValueError(f"{len(config.features)} names for {n_features} features")
            self.feature_names_in_ = np.array(config.features, object)


def rows_of(x: NDArray[Any]) -> NDArray[np.int64]:
    """Return the numbers of the rows of `x`, from 1."""
    return np.arange(1, len(x) + 1)
