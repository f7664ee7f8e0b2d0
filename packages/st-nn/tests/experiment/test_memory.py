import pytest

from st.core.backend import spec
from st.nn.experiment import memory
from st.nn.experiment.memory import memory_bytes, memory_faults
from st.nn.model import Model
from st.nn.modules import Linear
from st.nn.optim import SGD, Adam, Optimizer


# 5 * 3 + 3 parameters of four bytes, their gradient, and the optimizer's vectors.
@pytest.mark.parametrize(
    ("optimizer", "n_vectors"),
    [
        pytest.param(SGD(lr=1), 0, id="sgd"),
        pytest.param(SGD(lr=1, momentum=0.9), 1, id="momentum"),
        pytest.param(Adam(), 2, id="adam"),
    ],
)
def test_model_fits_up_to_the_last_byte(
    monkeypatch: pytest.MonkeyPatch, optimizer: Optimizer, n_vectors: int
) -> None:
    model = Model([("0", Linear(out_features=3))], spec((5,), "float32"))
    n_bytes = 18 * 4 * (2 + n_vectors)

    monkeypatch.setattr(memory, "memory_bytes", lambda: n_bytes)
    assert memory_faults(model, optimizer) == ()
    monkeypatch.setattr(memory, "memory_bytes", lambda: n_bytes - 1)
    (fault,) = memory_faults(model, optimizer)
    assert fault.path == ("model", 0)
    assert fault.given.startswith("18 parameters")


def test_this_machine_has_memory() -> None:
    assert memory_bytes() > 1 << 27
