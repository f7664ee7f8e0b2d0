"""The module `swish` is found by its manifest, and computes what NumPy computes."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from st_swish import Swish

from st.core import Registry
from st.core.backend import spec
from st.nn.model import Model
from st.nn.predictor import Predictor


@pytest.fixture
def installed() -> Iterator[Registry]:
    """The plugins that are installed, this one among them; none is imported yet."""
    with Registry() as registry:
        registry.discover()
        yield registry


def test_module_is_found_by_its_name(installed: Registry) -> None:
    modules = installed.get_service("module_registry")

    assert modules.create("swish", {"beta": 2.0}) == Swish(beta=2.0)


def test_finding_it_imports_nothing(installed: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "st_swish")

    found = installed.get_service("module_registry").get_metadata("swish")

    assert (found.distribution, "st_swish" in sys.modules) == ("st-swish", False)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
def test_forward_equals_numpy(installed: Registry, beta: float) -> None:
    x = np.linspace(-200.0, 200.0, 24, dtype=np.float32).reshape(8, 3)
    model = Model([("swish", Swish(beta=beta))], spec((3,), "float32"))
    predictor = Predictor(model, model.initialise(seed=1), installed.get_service("backend.numpy"))

    wide = x.astype(np.float64)
    expected = wide / (1.0 + np.exp(-beta * wide))
    np.testing.assert_allclose(predictor(x), expected, rtol=1e-6, atol=1e-5)
