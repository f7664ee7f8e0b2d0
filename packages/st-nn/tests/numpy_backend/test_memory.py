import numpy as np
import pytest

from st.core.backend import BackendMemoryError, spec
from st.nn import Conv2d, Linear, Model, Predictor
from st.nn.numpy_backend.backend import NumPyBackend


@pytest.mark.parametrize("n_bytes", [2**60, 2**63, 2**70], ids=["more", "no index", "no number"])
def test_more_memory_than_there_is_is_refused_by_name(n_bytes: int) -> None:
    with pytest.raises(BackendMemoryError, match=f"NumPy: no room for {n_bytes:,} bytes"):
        NumPyBackend().alloc(n_bytes)


def test_model_of_few_parameters_and_endless_images_is_refused_when_asked() -> None:
    modules = [
        ("0", Conv2d(out_channels=1, kernel=1, padding=10**6)),
        ("1", Linear(out_features=1)),
    ]
    model = Model(modules, spec((2, 2, 1), "float32"))
    predictor = Predictor(model, model.initialise(0), NumPyBackend())

    with pytest.raises(BackendMemoryError, match="use a smaller batch or model"):
        predictor(np.zeros((1, 2, 2, 1), np.float32))
