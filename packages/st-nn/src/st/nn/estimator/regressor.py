"""Numbers told from rows of numbers, for scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from st.nn.data import Dataset
from st.nn.estimator.base import DTYPES, StEstimator, rows_of
from st.nn.estimator.description import OUTPUT
from st.nn.estimator.network import Network
from st.nn.estimator.scikit_learn import RegressorMixin, validate_data
from st.nn.losses import MeanSquaredError


class StRegressor(RegressorMixin, StEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns to tell the number of a row; see `StEstimator` for the parameters.

    The targets are brought to mean 0 and variance 1 to learn from, whatever their unit; that is
    then taken back in the last module, so the model speaks in the targets' unit.

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 64)[:, np.newaxis]
        >>> model = StRegressor(hidden=(32,), lr=0.01, random_state=0).fit(x, 1000 * x[:, 0] ** 2)
        >>> model.score(x, 1000 * x[:, 0] ** 2) > 0.99
        True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the numbers y `(rows,)` of X `(rows, features)`; forgets what was learned before.

        Raises:
            DescriptionError: A parameter has a fault.
            ValueError: X or y cannot be learned from.
        """
        X, y = validate_data(self, X, y, dtype=DTYPES, y_numeric=True)
        numbers = np.asarray(y, np.float64)
        mean = float(numbers.mean())
        spread = float(numbers.std()) or 1.0
        targets = ((numbers - mean) / spread).astype(np.float32)[:, np.newaxis]
        learned = self._learned(Dataset(X, targets, (), rows_of(X)), MeanSquaredError())
        self.network_ = _in_unit(learned, spread, mean)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the number told for each row, shape `(rows,)`."""
        return self._outputs(X)[:, 0]


def _in_unit(network: Network, spread: float, mean: float) -> Network:
    """Return the network that tells ``spread * y + mean`` where `network` tells y."""
    weights = dict(network.weights)
    weights[f"{OUTPUT}.weight"] = weights[f"{OUTPUT}.weight"] * spread
    weights[f"{OUTPUT}.bias"] = weights[f"{OUTPUT}.bias"] * spread + mean
    in_type = {name: np.asarray(array, network.dtype) for name, array in weights.items()}
    return Network(network.description, in_type, network.backend)
