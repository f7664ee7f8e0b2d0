"""A trained network in memory: what describes it, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from st.core import init_plugin_system
from st.core.backend import spec
from st.nn.backends import choose_backend
from st.nn.discovery import MODULE_REGISTRY
from st.nn.model import Model
from st.nn.pipeline import ModulePipelineBuilder
from st.nn.predictor import Predictor

_AT_ONCE: Final = 1024

Arrays = Mapping[str, NDArray[Any]]


class Network:
    """A model and its weights. Safe to call from any thread; copies and pickles hold plain values.

    Attributes:
        description: What `ModulePipelineBuilder.from_config` takes.
        weights: The parameters by name; their type is what is computed in.
        backend: The name of the backend that computes.
    """

    def __init__(self, description: Mapping[str, Any], weights: Arrays, backend: str) -> None:
        self.description = description
        self.weights = weights
        self.backend = backend
        self._predictor: Predictor | None = None

    @property
    def dtype(self) -> str:
        """The floating type of the weights."""
        return next(iter(self.weights.values())).dtype.name

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output `(rows, outputs)` for x `(rows, features)`, in the weights' type."""
        # Two threads may both make one; either is as good.
        predictor = self._predictor = self._predictor or self._made()
        parts = [
            predictor(x[start : start + _AT_ONCE]) for start in range(0, max(len(x), 1), _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _made(self) -> Predictor:
        registry = init_plugin_system()
        discovery = registry.get_service(MODULE_REGISTRY)
        model = ModulePipelineBuilder.from_config(self.description, discovery).build()
        backend = choose_backend(registry, self.backend).backend
        return Predictor(of_dtype(model, self.dtype), self.weights, backend)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_predictor": None}


def of_dtype(model: Model, dtype: str) -> Model:
    """Return `model` for inputs, and with parameters, of another floating type."""
    return Model(model.modules, spec(model.input.shape, dtype), name=model.name)
