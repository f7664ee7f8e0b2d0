"""A model and data that do not belong together are told so before anything is learned."""

from typing import Any

import numpy as np
import pytest

from st.core import EventBus, Registry
from st.nn import Dataset, Linear, Relu, Trainer, choose_backend
from st.nn.tape import ShapeError

SIDES = Dataset(
    np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1]), ("left", "right"), np.arange(1, 5)
)
NUMBERS = Dataset(np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32), (), np.arange(1, 5))


def _trainer(registry: Registry, *modules: Any, seed: int = 0) -> Trainer:
    backend = choose_backend(registry, "numpy").backend
    return Trainer(modules, backend=backend, bus=EventBus(), seed=seed)


@pytest.mark.parametrize(("data", "each"), [(SIDES, "class"), (NUMBERS, "target")])
def test_output_of_another_size_is_refused(registry: Registry, data: Dataset, each: str) -> None:
    with pytest.raises(ShapeError, match=rf"gives \(5,\) .*: one number for each {each}"):
        _trainer(registry, Linear(out_features=5)).fit(data, epochs=1)


def test_what_is_no_module_is_named_by_its_place(registry: Registry) -> None:
    with pytest.raises(TypeError, match=r"module 1: expected a module .* given <class"):
        _trainer(registry, Linear(out_features=2), Relu).fit(SIDES, epochs=1)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seed_out_of_range_is_refused(registry: Registry, seed: int) -> None:
    with pytest.raises(ValueError, match="seed: expected 0 to"):
        _trainer(registry, Linear(out_features=2), seed=seed)
