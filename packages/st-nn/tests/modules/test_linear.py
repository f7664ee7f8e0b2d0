"""The linear module against the formula."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.model import Model
from st.nn.modules import Linear
from st.nn.numpy_backend import NumPyBackend
from st.nn.predictor import Predictor


@pytest.mark.parametrize("shape", [(4,), (3, 4)], ids=["vector", "sequence"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
def test_output_is_product_and_bias(shape: tuple[int, ...], bias: bool) -> None:
    model = Model([("0", Linear(out_features=2, bias=bias))], spec(shape, "float64"))
    parameters = model.initialise(0)
    x = np.random.default_rng(1).normal(size=(5, *shape))

    got = Predictor(model, parameters, NumPyBackend())(x)

    np.testing.assert_allclose(got, x @ parameters["0.weight"] + parameters.get("0.bias", 0.0))


def test_without_bias_there_is_one_parameter() -> None:
    model = Model([("0", Linear(out_features=2, bias=False))], spec((4,), "float32"))

    assert list(model.parameters) == ["0.weight"]


def test_accepted_input_has_the_features_the_fields_ask_for() -> None:
    linear = Linear(out_features=2, in_features=9)

    assert linear.accepts(spec((7, 3, 4), "float32")) is spec((7, 3, 9), "float32")
    assert Linear(out_features=2).accepts(spec((7, 4), "float32")) is None
