"""Classes told from rows of numbers, for scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from st.nn.data import Dataset
from st.nn.estimator.base import DTYPES, EstimatorConfig, NotSavableError, StEstimator, rows_of
from st.nn.estimator.scikit_learn import (
    ClassifierMixin,
    check_classification_targets,
    validate_data,
)
from st.nn.losses import CrossEntropy
from st.nn.saved import SavedModel


class StClassifier(ClassifierMixin, StEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns to tell the class of a row; see `StEstimator` for the parameters.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 8)
        >>> y = ["left", "right"] * 8
        >>> model = StClassifier(hidden=(8,), lr=0.01, random_state=0).fit(x, y)
        >>> model.predict([[0.1, 0.9]]).tolist()
        ['left']

    Attributes:
        classes_: The classes, sorted.
    """

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the classes y `(rows,)` of X `(rows, features)`; forgets what was learned before.

        Raises:
            DescriptionError: A parameter has a fault.
            ValueError: X or y cannot be learned from.
        """
        X, y = validate_data(self, X, y, dtype=DTYPES)
        check_classification_targets(y)
        classes, labels = np.unique(y, return_inverse=True)
        data = Dataset(X, labels.astype(np.int64), tuple(map(str, classes)), rows_of(X))
        self.network_ = self._learned(data, CrossEntropy())
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the share of each class: `(rows, classes)`, every row adds up to 1."""
        scores = self._outputs(X)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class with the highest share, for each row."""
        best = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def _labels(self) -> NDArray[Any]:
        return self.classes_

    def _config(self) -> EstimatorConfig:
        labels = self.classes_.tolist()
        if not all(isinstance(label, str | bool | int | float) for label in labels):
            raise NotSavableError(f"classes are text or numbers to be saved, given {labels!r:.100}")
        dtype = self.classes_.dtype
        name = "object" if dtype.kind == "O" else dtype.str
        return msgspec.structs.replace(super()._config(), labels=labels, labels_dtype=name)

    def _restore(self, config: EstimatorConfig, model: SavedModel) -> None:
        super()._restore(config, model)
        labels = np.array(config.labels).astype(config.labels_dtype)
        if labels.tolist() != config.labels or tuple(map(str, labels)) != model.classes:
            raise ValueError(f"{config.labels!r:.100} are not the classes of the model")
        self.classes_ = labels
