"""A model with running state, as the first version that has it wrote it, is read for ever."""

import json
from pathlib import Path

import numpy as np

import st.nn
from st.core import Registry
from st.nn.backends import choose_backend
from st.nn.checkpoint import load_checkpoint
from st.nn.experiment import ExperimentRun, check_experiment, read_document

STORED = Path(__file__).parent / "format-1-running"
ASKED = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [0, 0, 0, 0]], np.float32)


def test_model_says_what_it_said_then(registry: Registry) -> None:
    model = st.nn.load(STORED, registry=registry)

    # float32 with sums of four and three products: a few units in the last place.
    expected = json.loads((STORED / "scores.json").read_text("utf-8"))
    np.testing.assert_allclose(model(ASKED), expected, rtol=1e-5, atol=1e-6)


def test_training_goes_on_from_its_weights_and_running_state(registry: Registry) -> None:
    checked = check_experiment(read_document(STORED / "experiment.toml"), registry)
    checkpoint = load_checkpoint(STORED / "model")
    run = ExperimentRun(checked, choose_backend(registry, "numpy"), registry)

    run.trainer.load_state(checkpoint.weights, checkpoint.state)

    held = run.trainer.parameters()
    assert set(held) == set(checkpoint.weights)
    for name in ("2.mean", "2.variance", "2.scale", "2.shift"):
        np.testing.assert_array_equal(held[name], checkpoint.weights[name])
    assert (run.trainer.epoch, run.step.n_steps) == (3, 9)
