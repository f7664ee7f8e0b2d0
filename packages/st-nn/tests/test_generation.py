from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

import st.nn
from st.core import Registry
from st.nn.experiment import train_experiment
from st.nn.generation import NoTextError, PromptError, generate
from st.nn.saved import SavedModel

# After "a" comes "b", after "b" either "a" or "c", after "c" always "a".
LETTERS = """\
seed = 1
epochs = 4
backend = "numpy"
optimizer = { type = "adam", lr = 0.05 }
model = [{ type = "embedding", n_rows = 3, width = 8 }, { type = "linear", out_features = 3 }]

[data]
source = "text"
path = "abc.txt"
context = 8
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SavedModel]:
    folder = tmp_path_factory.mktemp("letters")
    (folder / "abc.txt").write_text("abcab" * 800, encoding="utf-8")
    (folder / "letters.toml").write_text(f'output = "{folder.as_posix()}/runs"\n{LETTERS}', "utf-8")
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        run = train_experiment(folder / "letters.toml", registry).directory
        yield st.nn.load(run.path, registry=registry)


def _text(model: SavedModel, prompt: str = "a", length: int = 100, **options: float) -> str:
    return "".join(generate(model, prompt, length=length, **options))  # type: ignore[arg-type]  # by name


def test_text_is_of_the_kind_that_was_learned(model: SavedModel) -> None:
    text = _text(model, length=400, temperature=0.7, seed=1)

    assert len(text) == 400
    pairs = {text[at : at + 2] for at in range(399)}
    assert pairs == {"ab", "bc", "ba", "ca"}


def test_same_seed_gives_the_same_text(model: SavedModel) -> None:
    texts = [_text(model, seed=seed) for seed in (5, 5, 6)]

    assert texts[0] == texts[1] != texts[2]


def test_chance_decides_without_a_seed(model: SavedModel) -> None:
    assert _text(model) != _text(model)


def test_text_longer_than_a_window_depends_on_the_last_window_alone(model: SavedModel) -> None:
    prompt = "abcababc"

    assert _text(model, f"ccc{prompt}", seed=2) == _text(model, prompt, seed=2)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_k": 1}], ids=["cold", "one"])
def test_likeliest_characters_need_no_chance(model: SavedModel, options: dict[str, float]) -> None:
    texts = {_text(model, seed=seed, **options) for seed in range(3)}

    assert len(texts) == 1
    scores = model(np.full((1, 8), model.classes.index("a"), np.float32))[0, 0]
    assert texts.pop()[0] == model.classes[scores.argmax()]


def test_shares_are_those_of_the_model(model: SavedModel) -> None:
    after_b = np.full((1, 8), model.classes.index("b"), np.float32)
    shares = model.probabilities(after_b)[0, 0]

    first = [_text(model, "b", 1, seed=seed) for seed in range(600)]

    for share, letter in zip(shares, model.classes, strict=True):
        # Four deviations of a mean of 600 throws.
        assert first.count(letter) / 600 == pytest.approx(share, abs=4 * 0.5 / 600**0.5)


def test_one_plan_serves_any_length(model: SavedModel) -> None:
    for length in (1, 30):
        _text(model, length=length)

    assert len(model._predictor._recorded) == 1


def test_nothing_is_made_before_it_is_asked_for(model: SavedModel) -> None:
    text = generate(model, "a", length=10**9, seed=1)

    assert next(text) == "b"


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        pytest.param(lambda m: generate(m, "", length=1), PromptError, "given none", id="empty"),
        pytest.param(
            lambda m: generate(m, "abx", length=1), PromptError, "character 3 is 'x'", id="unknown"
        ),
        pytest.param(lambda m: generate(m, "a", length=-1), ValueError, "given -1", id="length"),
        pytest.param(
            lambda m: generate(m, "a", length=1, temperature=float("nan")),
            ValueError,
            "nan",
            id="temperature",
        ),
        pytest.param(
            lambda m: generate(m, "a", length=1, top_k=0), ValueError, "and 0", id="top k"
        ),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_at_once(
    model: SavedModel,
    asked: Callable[[SavedModel], Iterator[str]],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        asked(model)


def test_model_of_rows_has_no_text(experiment: Path, registry: Registry) -> None:
    run = train_experiment(experiment, registry).directory
    rows = st.nn.load(run.path, registry=registry)

    with pytest.raises(NoTextError, match="was not trained on a text"):
        generate(rows, "a", length=1)


def test_older_models_are_no_text(model: SavedModel) -> None:
    values = msgspec.to_builtins(model.config)
    del values["is_text"]

    assert not msgspec.convert(values, type(model.config)).is_text
