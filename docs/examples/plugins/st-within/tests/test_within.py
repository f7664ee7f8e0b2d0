"""The metric is found by its name, and computes what NumPy computes."""

from collections.abc import Iterator

import numpy as np
import pytest
from st_within import Within

from st.core import Registry
from st.nn import MODULE_REGISTRY, Dataset, Linear, Trainer, choose_backend
from st.nn.examples import run_examples
from st.nn.losses import MeanSquaredError


@pytest.fixture
def installed() -> Iterator[Registry]:
    """The plugins that are installed."""
    with Registry() as registry:
        registry.discover()
        yield registry


def test_examples_of_the_manifest_hold(installed: Registry) -> None:
    assert run_examples("within", installed) == 1


def test_strings_of_a_file_become_the_distance(installed: Registry) -> None:
    modules = installed.get_service(MODULE_REGISTRY)

    assert modules.create("within", {"distance": "0.5"}) == Within(distance=0.5)


@pytest.mark.parametrize("distance", [0.0, 0.3, 10.0])
def test_share_is_the_one_that_numpy_counts(installed: Registry, distance: float) -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(50, 4)).astype(np.float32)
    data = Dataset(x, x.sum(axis=1, keepdims=True), (), np.arange(1, 51))
    trainer = Trainer(
        [Linear(out_features=1)],
        loss=MeanSquaredError(),
        backend=choose_backend(installed, "numpy").backend,
        bus=installed.bus,
        metrics={"within": Within(distance=distance)},
    )
    trainer.prepare(data)

    told = trainer.evaluate(data).metrics["within"]

    counted = np.abs(trainer.predict(x) - data.y) <= np.float32(distance)
    assert told == pytest.approx(counted.mean())
