import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import st.nn
from st.core import Registry
from st.nn.checkpoint import CheckpointError
from st.nn.experiment import train_experiment
from st.nn.host import BatchError


@pytest.fixture
def run(experiment: Path, registry: Registry) -> Path:
    text = experiment.read_text("utf-8").replace("shape = [2, 2]", "shape = [2, 2]\nscale = 0.25")
    experiment.write_text(text, encoding="utf-8")
    return train_experiment(experiment, registry).directory.path


def test_scores_are_those_of_the_weights_on_disk(run: Path, registry: Registry) -> None:
    weights = load_file(run / "model/weights.safetensors")
    x = np.arange(8, dtype=np.float32).reshape(2, 2, 2)

    scores = st.nn.load(run, registry=registry)(x)

    flat = x.reshape(2, 4).astype(np.float64) * 0.25
    hidden = np.maximum(flat @ weights["1.weight"] + weights["1.bias"], 0)
    expected = hidden @ weights["3.weight"] + weights["3.bias"]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


def test_model_with_running_state_and_dropout_predicts_with_what_was_kept(
    experiment: Path, registry: Registry
) -> None:
    text = experiment.read_text("utf-8")
    text = text.replace('{ type = "relu" }', '{ type = "batch_norm" }, { type = "dropout" }')
    experiment.write_text(text, encoding="utf-8")
    run = train_experiment(experiment, registry).directory.path
    kept = load_file(run / "model/weights.safetensors")
    x = np.arange(8, dtype=np.float32).reshape(2, 2, 2)

    scores = st.nn.load(run, registry=registry)(x)

    hidden = x.reshape(2, 4).astype(np.float64) @ kept["1.weight"] + kept["1.bias"]
    hidden = (hidden - kept["2.mean"]) / np.sqrt(kept["2.variance"] + 1e-5)
    hidden = hidden * kept["2.scale"] + kept["2.shift"]
    expected = hidden @ kept["4.weight"] + kept["4.bias"]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_examples_may_be_laid_flat(run: Path, registry: Registry) -> None:
    model = st.nn.load(run, registry=registry)
    x = np.arange(8.0).reshape(2, 2, 2)

    np.testing.assert_array_equal(model(x.reshape(2, 4)), model(x))


def test_probabilities_add_up_and_agree_with_the_answer(run: Path, registry: Registry) -> None:
    model = st.nn.load(run, registry=registry)
    x = np.array([[7, 0, 0, 1], [0, 7, 0, 1]])

    shares = model.probabilities(x)

    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert model.predict(x) == [model.classes[label] for label in shares.argmax(axis=1)]
    assert model.probabilities(x[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    "x",
    [[["a"] * 4], [[None] * 4], np.zeros((1, 4), complex), None],
    ids=["text", "nothing", "complex", "none at all"],
)
def test_what_is_no_number_is_refused(run: Path, registry: Registry, x: Any) -> None:
    with pytest.raises(BatchError, match="expected real numbers"):
        st.nn.load(run, registry=registry)(x)


def test_row_without_numbers_has_no_class(run: Path, registry: Registry) -> None:
    x = np.ones((3, 4))
    x[1, 2] = np.nan

    with pytest.raises(BatchError, match="row 1 gives no scores"):
        st.nn.load(run, registry=registry).predict(x)


def test_model_shows_what_it_is_and_is_not_pickled(run: Path, registry: Registry) -> None:
    model = st.nn.load(run, registry=registry)

    assert repr(model) == "<SavedModel 'points': (2, 2) to 2 classes>"
    with pytest.raises(TypeError, match="load it where it is used"):
        deepcopy(model)


def test_model_directory_can_be_loaded_as_well(run: Path, registry: Registry) -> None:
    assert st.nn.load(run / "model", registry=registry).config == (
        st.nn.load(run, registry=registry).config
    )


def test_threads_get_the_answers_they_would_get_alone(run: Path, registry: Registry) -> None:
    model = st.nn.load(run, registry=registry)
    inputs = [np.full((3, 4), float(n)) for n in range(8)]
    alone = [model(x) for x in inputs]
    together: list[Any] = [None] * 8
    barrier = Barrier(8)

    def ask(n: int) -> None:
        barrier.wait()
        for _ in range(20):
            together[n] = model(inputs[n])

    threads = [Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    np.testing.assert_array_equal(together, alone)


def test_loading_imports_no_trainer_and_no_command_line(run: Path) -> None:
    program = (
        "import sys, st.nn; st.nn.load(sys.argv[1])\n"
        "print([m for m in ('st.nn.train', 'st.nn.step', 'st.nn.keeper', 'st.nn.experiment',"
        " 'st.nn.data', 'st.nn.estimator', 'st.nn.commands', 'sklearn', 'click', 'rich', 'asyncio',"
        " 'socket', 'ssl', 'http', 'urllib.request', 'wsgiref') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(run)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def _config(**changes: object) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        path = model / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes))

    return change


def _weights(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        path = model / "weights.safetensors"
        arrays = {name: array.copy() for name, array in load_file(path).items()}
        edit(arrays)
        save_file(arrays, path)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(_config(model=3), "config.json is damaged", id="no list of modules"),
        pytest.param(_config(model=[]), "at least one module", id="no modules"),
        pytest.param(
            _config(model=[{"type": "swish"}]), "install it with: pip install", id="not installed"
        ),
        pytest.param(_config(classes=["a"]), "1 classes, but the model gives", id="classes"),
        pytest.param(
            _weights(lambda arrays: arrays.pop("1.bias")), "'1.bias' is missing", id="missing"
        ),
        pytest.param(
            _weights(lambda arrays: arrays.update(x=np.zeros(1, np.float32))),
            "'x' is none of this model",
            id="one more",
        ),
        pytest.param(
            _weights(lambda arrays: arrays.update({"1.bias": np.zeros(7, np.float32)})),
            r"'1.bias' has shape \(6,\), got \(7,\)",
            id="other shape",
        ),
        pytest.param(
            _weights(lambda arrays: arrays.update({"1.bias": np.zeros(6, np.int64)})),
            "'1.bias' is int64, expected float32",
            id="other type",
        ),
    ],
)
def test_model_that_does_not_fit_together_is_refused(
    run: Path, registry: Registry, change: Callable[[Path], None], message: str
) -> None:
    change(run / "model")

    with pytest.raises(CheckpointError, match=message):
        st.nn.load(run, registry=registry)


def test_missing_run_is_refused(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(CheckpointError, match=r"no such directory|cannot read"):
        st.nn.load(tmp_path / "none", registry=registry)
