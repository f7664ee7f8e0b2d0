"""What the first version wrote is read for ever: its experiment file, its run, its model."""

import json
from pathlib import Path

import numpy as np
import pytest

import st.nn
from st.core import Registry
from st.nn.checkpoint import load_checkpoint
from st.nn.data import CsvSource
from st.nn.experiment import check_experiment, read_document
from st.nn.run import RunDirectory

STORED = Path(__file__).parent / "format-1"
ASKED = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [0, 0, 0, 0]], np.float32)


def test_experiment_file_of_the_first_version_is_sound(registry: Registry) -> None:
    checked = check_experiment(read_document(STORED / "experiment.toml"), registry)

    assert (checked.config.name, checked.config.epochs, checked.config.batch_size) == (
        "first",
        3,
        4,
    )
    assert checked.pipeline.outline().output.shape == (2,)
    assert (len(checked.learned), len(checked.held_out)) == (12, 4)


def test_model_of_the_first_version_says_what_it_said_then(registry: Registry) -> None:
    model = st.nn.load(STORED, registry=registry)

    # float32 with sums of four and three products: a few units in the last place.
    expected = json.loads((STORED / "scores.json").read_text("utf-8"))
    np.testing.assert_allclose(model(ASKED), expected, rtol=1e-5, atol=1e-6)
    assert model.classes == ("over", "under")
    assert (model.name, model.config.epoch, model.config.scale) == ("first", 3, 0.5)


def test_optimizer_state_of_the_first_version_is_there() -> None:
    state = load_checkpoint(STORED / "model").state

    assert set(state) == {"n_steps", "optimizer.sum", "optimizer.square_sum"}
    assert int(state["n_steps"]) == 9


def test_configuration_of_a_run_of_the_first_version_is_read() -> None:
    config = RunDirectory(STORED).read_config()

    values = dict(config["experiment"]["data"])
    assert CsvSource(**values).read(STORED).digest == values["sha256"]
    assert config["seed"] == 7


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "state.safetensors"])
def test_nothing_stored_is_a_pickle(name: str) -> None:
    assert not (STORED / "model" / name).read_bytes().startswith(b"\x80")
