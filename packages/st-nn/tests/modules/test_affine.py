import numpy as np
import pytest

from st.core import Registry
from st.nn import Affine, ModulePipelineBuilder, Predictor, choose_backend
from st.nn.discovery import MODULE_REGISTRY
from st.nn.examples import run_examples


def test_numbers_are_multiplied_and_moved(registry: Registry) -> None:
    backend = choose_backend(registry, "numpy").backend
    model = ModulePipelineBuilder().input(3).add(Affine(factor=-2.5, offset=7)).build()
    x = np.array([[0, 1, -4], [1e3, 0.5, 2]], np.float32)

    y = Predictor(model, model.initialise(0), backend)(x)

    np.testing.assert_allclose(y, -2.5 * x.astype(np.float64) + 7, rtol=1e-6)


def test_endless_factor_is_refused(registry: Registry) -> None:
    discovery = registry.get_service(MODULE_REGISTRY)

    _, faults = discovery.check("affine", {"factor": float("inf"), "offset": float("nan")})

    assert [fault.path for fault in faults] == [("factor",), ("offset",)]


@pytest.mark.parametrize("name", ["affine"])
def test_examples_are_true(registry: Registry, name: str) -> None:
    run_examples(name, registry)
