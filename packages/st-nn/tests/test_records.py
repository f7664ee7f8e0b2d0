import msgspec
import pytest

from st.core import Telemetry
from st.nn.records import Best, Records


def _told(*epochs: dict[str, float]) -> Records:
    records = Records()
    for epoch, figures in enumerate(epochs, 1):
        records.on_telemetry(Telemetry({"epoch": float(epoch), **figures}))
    return records


def test_low_loss_and_high_accuracy_are_best() -> None:
    records = _told(
        {"loss": 2.0, "held_out_accuracy": 0.5},
        {"loss": 1.0, "held_out_accuracy": 0.9},
        {"loss": 3.0, "held_out_accuracy": 0.7},
    )

    assert records.best["loss"] == Best(1.0, 2)
    assert records.best["held_out_accuracy"] == Best(0.9, 2)
    assert records.latest["loss"] == 3.0


def test_first_of_equal_epochs_is_the_best() -> None:
    assert _told({"loss": 1.0}, {"loss": 1.0}).best["loss"].epoch == 1


def test_telemetry_of_others_is_left_alone() -> None:
    records = _told({"loss": 1.0})

    records.on_telemetry(Telemetry({"temperature": 300.0, "loss": 0.0}))

    assert records.best["loss"] == Best(1.0, 1)
    assert "temperature" not in records.latest


def test_loading_brings_back_what_was_known() -> None:
    records, again = _told({"loss": 2.0}, {"loss": 3.0}), Records()

    again.load(records.to_config())

    assert (again.latest, again.best) == (records.latest, records.best)


@pytest.mark.parametrize("config", [{"best": 3}, {"metrics": {"loss": "low"}}], ids=str)
def test_other_values_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected"):
        Records().load(config)
