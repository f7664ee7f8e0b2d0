import pytest

from st.core import EpochEnd, EventBus, Registry, Telemetry
from st.nn.backends import choose_backend
from st.nn.modules import Linear
from st.nn.records import Records
from st.nn.stopping import EarlyStopping
from st.nn.train import Trainer


@pytest.mark.parametrize(
    ("accuracies", "stops"),
    [
        pytest.param([0.1, 0.2, 0.3], False, id="better every time"),
        pytest.param([0.3, 0.2], False, id="one worse"),
        pytest.param([0.3, 0.2, 0.3], True, id="two not better"),
        pytest.param([0.3, 0.2, 0.4], False, id="better in time"),
    ],
)
def test_training_stops_when_nothing_gets_better(
    registry: Registry, accuracies: list[float], stops: bool
) -> None:
    backend = choose_backend(registry, "numpy").backend
    trainer, records = (
        Trainer([Linear(out_features=2)], backend=backend, bus=EventBus()),
        Records(),
    )
    stopping = EarlyStopping(trainer, records, metric="held_out_accuracy", patience=2)

    for epoch, accuracy in enumerate(accuracies, 1):
        told = {"epoch": float(epoch), "loss": 1.0, "held_out_accuracy": accuracy}
        records.on_telemetry(Telemetry(told))
        stopping.on_epoch_end(EpochEnd(epoch, 1.0))

    assert stopping.is_over is stops


def test_nothing_told_stops_nothing(registry: Registry) -> None:
    backend = choose_backend(registry, "numpy").backend
    trainer = Trainer([Linear(out_features=2)], backend=backend, bus=EventBus())

    assert not EarlyStopping(trainer, Records(), metric="loss", patience=1).is_over
