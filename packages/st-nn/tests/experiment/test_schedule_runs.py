"""A schedule in an experiment file: what it does to a run, and to one that is gone on with."""

import json
from pathlib import Path

import pytest

from st.core import EpochEnd, Registry, Telemetry
from st.nn.experiment import ResumeError, train_experiment


@pytest.fixture
def falling(experiment: Path) -> Path:
    """Give an experiment whose rate falls to nothing over its four epochs of six batches."""
    text = experiment.read_text("utf-8")
    line = 'schedule = { type = "linear_decay" }\n'
    experiment.write_text(line + text, encoding="utf-8")
    return experiment


def test_rate_follows_the_schedule(falling: Path, registry: Registry) -> None:
    rates: list[float] = []
    registry.bus.subscribe(Telemetry, lambda event: rates.append(event.data["learning_rate"]))

    train_experiment(falling, registry)

    # The last step of each epoch is taken when 5, 11, 17 and 23 of 24 are over.
    assert rates == pytest.approx([0.05 * (1 - done / 24) for done in (5, 11, 17, 23)])


def test_resumed_run_has_the_rates_of_an_uninterrupted_one(
    falling: Path, registry: Registry
) -> None:
    whole = train_experiment(falling, registry).directory

    def stop(event: EpochEnd) -> None:
        if event.epoch == 2:
            raise KeyboardInterrupt

    with registry.bus.subscribe(EpochEnd, stop), pytest.raises(KeyboardInterrupt):
        train_experiment(falling, registry)
    parts = train_experiment(falling, registry, resume=True).directory

    weights = [run.model / "weights.safetensors" for run in (whole, parts)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_number_of_epochs_cannot_change_under_a_schedule(falling: Path, registry: Registry) -> None:
    train_experiment(falling, registry)
    text = falling.read_text("utf-8").replace("epochs = 4", "epochs = 6")
    falling.write_text(text, encoding="utf-8")

    with pytest.raises(ResumeError, match="epochs 4 then, 6 now"):
        train_experiment(falling, registry, resume=True)


def test_run_of_a_version_without_a_key_is_gone_on_with(
    experiment: Path, registry: Registry
) -> None:
    run = train_experiment(experiment, registry).directory
    path = run.path / "config.json"
    config = json.loads(path.read_text("utf-8"))
    del config["experiment"]["schedule"], config["experiment"]["data"]["largest"]
    del config["experiment"]["data"]["target_is"]
    path.write_text(json.dumps(config), encoding="utf-8")

    assert train_experiment(experiment, registry, resume=True).directory.path == run.path
    text = experiment.read_text("utf-8")
    experiment.write_text(f'schedule = {{ type = "cosine" }}\n{text}', encoding="utf-8")
    with pytest.raises(ResumeError, match="schedule null then"):
        train_experiment(experiment, registry, resume=True)
