"""A language model, from the experiment file to figures and back from disk."""

import math
from pathlib import Path

import numpy as np
import pytest

import st.nn
from st.core import EpochEnd, Registry, Telemetry
from st.nn.experiment import train_experiment
from st.nn.experiment.run_data import data_of, other_data
from st.nn.faults import DescriptionError
from st.nn.run import RunDirectory

LANGUAGE = """\
seed = 3
epochs = 3
batch_size = 8
backend = "numpy"
optimizer = { type = "adam", lr = 0.02 }
model = [
  { type = "embedding", n_rows = 6, width = 12 },
  { type = "linear", out_features = 6 },
]

[data]
source = "text"
path = "abc.txt"
context = 16
"""

# Whatever follows a letter is decided by it, but for the one after "a".
LINES = "ab\nac\nde\n" * 200


@pytest.fixture
def language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an experiment that learns which letter follows which."""
    monkeypatch.chdir(tmp_path)
    Path("abc.txt").write_text(LINES, encoding="utf-8")
    file = Path("letters.toml")
    file.write_text(LANGUAGE, encoding="utf-8")
    return file


def test_loss_is_in_nats_per_character(language: Path, registry: Registry) -> None:
    told: list[dict[str, float]] = []
    registry.bus.subscribe(Telemetry, lambda event: told.append(dict(event.data)))

    result = train_experiment(language, registry)

    # Of nine characters one is free between two: (2 / 9) log 2; and after a newline of three lines
    # one of two letters, "a" twice as often: (3 / 9) times the entropy of a third.
    third = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3)
    least = 2 / 9 * math.log(2) + 3 / 9 * third
    assert result.evaluation.metrics["nats"] == pytest.approx(least, abs=0.03)
    assert told[-1]["held_out_nats"] == result.evaluation.metrics["nats"]
    assert told[-1]["loss"] == pytest.approx(least, abs=0.1)


def test_figure_is_the_mean_surprise_of_every_character(language: Path, registry: Registry) -> None:
    result = train_experiment(language, registry)

    _, _, held_out = data_of(result.directory, registry)
    scores = st.nn.load(result.directory.path, registry=registry)(held_out.x).astype(np.float64)
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    given = np.take_along_axis(shares, held_out.y[..., np.newaxis].astype(int), -1)
    assert result.evaluation.metrics["nats"] == pytest.approx(-np.log(given).mean(), rel=1e-5)


def test_run_goes_on_with_the_same_bits(language: Path, registry: Registry) -> None:
    whole = train_experiment(language, registry)

    def stop(event: EpochEnd) -> None:
        if event.epoch == 2:
            raise KeyboardInterrupt

    with registry.bus.subscribe(EpochEnd, stop), pytest.raises(KeyboardInterrupt):
        train_experiment(language, registry)
    parts = train_experiment(language, registry, resume=True)

    assert parts.directory.path.name == "letters-2"
    weights = "model/weights.safetensors"
    assert (parts.directory.path / weights).read_bytes() == (
        whole.directory.path / weights
    ).read_bytes()


def test_other_text_is_read_with_the_characters_of_the_run(
    language: Path, registry: Registry
) -> None:
    run = train_experiment(language, registry).directory
    model = st.nn.load(run.path, registry=registry)
    Path("other.txt").write_text("de\n" * 10, encoding="utf-8")

    data = other_data(RunDirectory(run.path), Path("other.txt"), model, registry)

    assert data.classes == model.classes == tuple("\nabcde")
    assert len(data) == 2
    Path("other.txt").write_text("de\ndf\n" * 10, encoding="utf-8")
    with pytest.raises(st.nn.DataError, match=r"other\.txt, line 2, column 2: 'f'"):
        other_data(RunDirectory(run.path), Path("other.txt"), model, registry)


def test_next_character_of_windows_is_predicted(language: Path, registry: Registry) -> None:
    run = train_experiment(language, registry).directory
    model = st.nn.load(run.path, registry=registry)

    windows = np.array([[model.classes.index("d")] * 16, [model.classes.index("b")] * 16])

    assert model.predict(windows) == ["e", "\n"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "out_features = 6", "out_features = 5", "6 characters at each place", id="out"
        ),
        pytest.param("n_rows = 6", "n_rows = 5", "a row for each of the 6 characters", id="rows"),
        pytest.param("context = 16\n", "", "data → context: expected", id="no context"),
        pytest.param('"abc.txt"', '""', "path: expected text that is not empty or", id="no path"),
        pytest.param('"abc.txt"', "[]", "or a list that is not empty, each text", id="no paths"),
    ],
)
def test_model_and_text_must_fit(
    language: Path, registry: Registry, old: str, new: str, message: str
) -> None:
    assert old in LANGUAGE
    language.write_text(LANGUAGE.replace(old, new), encoding="utf-8")

    with pytest.raises(DescriptionError, match=message):
        train_experiment(language, registry)


@pytest.mark.parametrize(
    ("module", "is_causal"),
    [
        pytest.param('{ type = "attention", heads = 2 }', False, id="attention"),
        pytest.param('{ type = "attention", heads = 2, causal = true }', True, id="causal"),
        pytest.param(
            '{ type = "reshape", shape = [192] }, { type = "linear", out_features = 192 }, '
            '{ type = "reshape", shape = [16, 12] }',
            False,
            id="everything",
        ),
    ],
)
def test_model_that_sees_what_it_is_to_tell_is_refused(
    language: Path, registry: Registry, module: str, is_causal: bool
) -> None:
    text = LANGUAGE.replace('  { type = "linear"', f'  {module},\n  {{ type = "linear"')
    language.write_text(text.replace("epochs = 3", "epochs = 1"), encoding="utf-8")

    if is_causal:
        train_experiment(language, registry)
        return
    with pytest.raises(DescriptionError, match="one that sees the characters after it") as caught:
        train_experiment(language, registry)
    assert caught.value.faults[0].line == 6
    assert not Path("runs").exists()
