"""Modules that bring rows to a common size, against NumPy."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.model import Model
from st.nn.modules import RmsNorm
from st.nn.numpy_backend import NumPyBackend
from st.nn.predictor import Predictor
from st.nn.tape import ShapeError


def test_rms_norm_divides_by_the_root_mean_square_and_scales() -> None:
    model = Model([("0", RmsNorm(eps=0.5))], spec((3, 4), "float64"))
    x = np.random.default_rng(1).normal(size=(2, 3, 4))
    scale = np.array([1.0, 2.0, -1.0, 0.5])

    y = Predictor(model, {"0.scale": scale}, NumPyBackend())(x)

    expected = x / np.sqrt((x * x).mean(-1, keepdims=True) + 0.5) * scale
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    assert (model.initialise(0)["0.scale"] == 1).all()


def test_rms_norm_of_a_number_is_refused() -> None:
    with pytest.raises(ShapeError, match="no features"):
        Model([("0", RmsNorm())], spec((), "float32"))
