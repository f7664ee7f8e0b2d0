"""An estimator on disk: in our own format, for a program with or without scikit-learn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import st.nn
from st.core import Registry
from st.nn import StClassifier, StRegressor
from st.nn.checkpoint import CheckpointError
from st.nn.estimator.base import NotSavableError

X = np.random.default_rng(3).normal(size=(60, 4)).astype(np.float32)
LABELS: dict[str, Any] = {
    "text": np.where(X[:, 0] > 0, "yes", "no"),
    "objects": np.where(X[:, 0] > 0, "yes", "no").astype(object),
    "numbers": np.where(X[:, 0] > 0, 3, -7),
    "bytes of numbers": np.where(X[:, 0] > 0, 200, 7).astype(np.uint8),
    "truth": X[:, 0] > 0,
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_loaded_classifier_says_the_same_with_the_same_labels(y: Any, tmp_path: Path) -> None:
    fitted = StClassifier(hidden=(8,), epochs=3, lr=np.float64(0.01)).fit(X, y)

    fitted.save(tmp_path / "saved")
    loaded = StClassifier.load(tmp_path / "saved")

    assert loaded.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert loaded.classes_.dtype == y.dtype
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.get_params() == {**fitted.get_params(), "hidden": [8]}


def test_loaded_regressor_says_the_same(tmp_path: Path) -> None:
    fitted = StRegressor(hidden=(8,), epochs=3).fit(X, 100 * X[:, 0])

    fitted.save(tmp_path / "saved")

    loaded = StRegressor.load(tmp_path / "saved")
    assert loaded.predict(X).tobytes() == fitted.predict(X).tobytes()
    assert loaded.n_features_in_ == 4


def test_model_in_it_is_there_for_a_program_without_scikit_learn(
    tmp_path: Path, registry: Registry
) -> None:
    fitted = StClassifier(hidden=(8,), epochs=3).fit(X, LABELS["text"])

    fitted.save(tmp_path / "saved")

    model = st.nn.load(tmp_path / "saved", registry=registry)
    np.testing.assert_allclose(model.probabilities(X), fitted.predict_proba(X), rtol=1e-5)
    assert model.predict(X) == fitted.predict(X).tolist()


def test_regressor_learned_in_float64_is_saved_to_float32(
    tmp_path: Path, registry: Registry
) -> None:
    fitted = StRegressor(hidden=(8,), epochs=3).fit(X.astype(np.float64), 100 * X[:, 0])

    fitted.save(tmp_path / "saved")

    told = st.nn.load(tmp_path / "saved", registry=registry)(X)[:, 0]
    np.testing.assert_allclose(told, fitted.predict(X), rtol=1e-4, atol=1e-3)


def test_names_of_columns_are_kept(tmp_path: Path) -> None:
    fitted = StClassifier(epochs=1).fit(X, LABELS["text"])
    fitted.feature_names_in_ = np.array(["a", "b", "c", "d"], object)  # as pandas gives them

    fitted.save(tmp_path / "saved")

    loaded = StClassifier.load(tmp_path / "saved")
    assert loaded.feature_names_in_.tolist() == ["a", "b", "c", "d"]


def test_what_is_not_fitted_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        StClassifier().save(tmp_path / "saved")

    assert list(tmp_path.iterdir()) == []


def test_labels_that_no_file_can_hold_are_refused(tmp_path: Path) -> None:
    fitted = StClassifier(epochs=1).fit(X, LABELS["text"])
    fitted.classes_ = np.array([None, ("a",)], object)

    with pytest.raises(NotSavableError, match="text or numbers"):
        fitted.save(tmp_path / "saved")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"type": "StRegressor"},
        {"type": 3},
        {"parameters": {"hiden": [3]}},
        {"labels": ["yes"]},
        {"labels": [1, 2]},
        {"labels_dtype": "<U2000000000"},
        {"labels_dtype": "V8"},
        {"labels_dtype": "|i1", "labels": [300, 400]},
        {"features": ["a"]},
    ],
    ids=str,
)
def test_damaged_estimator_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    StClassifier(epochs=1).fit(X, LABELS["text"]).save(tmp_path / "saved")
    path = tmp_path / "saved/config.json"
    config = json.loads(path.read_text("utf-8"))
    config["estimator"] |= change
    path.write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(CheckpointError, match=r"config.json does not describe a StClassifier"):
        StClassifier.load(tmp_path / "saved")


def test_model_of_a_run_is_no_estimator(tmp_path: Path) -> None:
    StClassifier(epochs=1).fit(X, LABELS["text"]).save(tmp_path / "saved")
    path = tmp_path / "saved/config.json"
    config = json.loads(path.read_text("utf-8"))
    del config["estimator"]
    path.write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(CheckpointError, match="does not describe a StClassifier"):
        StClassifier.load(tmp_path / "saved")
