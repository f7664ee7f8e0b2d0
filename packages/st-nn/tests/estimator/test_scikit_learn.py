"""What scikit-learn asks of an estimator, and does with one."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from st.nn import StClassifier, StRegressor

# These need packages beside scikit-learn; with them they pass as well.
NEEDS_MORE = {
    "check_array_api_input",
    "check_classifier_data_not_an_array",
    "check_regressor_data_not_an_array",
}


@pytest.mark.parametrize("estimator", [StClassifier(), StRegressor()], ids=["classes", "numbers"])
def test_every_check_of_scikit_learn_passes(estimator: Any) -> None:
    checked: list[Any] = []

    check_estimator(estimator, on_fail=None, on_skip=None, callback=lambda **of: checked.append(of))

    assert len(checked) > 40
    told = {of["check_name"]: str(of["exception"]) for of in checked if of["status"] != "passed"}
    assert {name: told[name] for name in told.keys() - NEEDS_MORE} == {}
    assert {of["status"] for of in checked} <= {"passed", "skipped"}


def test_grid_search_over_a_pipeline_finds_what_learns() -> None:
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), StClassifier(epochs=20, random_state=0))
    grid = {"stclassifier__hidden": [(), (16,)], "stclassifier__lr": np.array([1e-6, 0.01])}

    search = GridSearchCV(pipeline, grid, cv=3).fit(x, y)

    assert search.best_params_["stclassifier__lr"] == 0.01
    assert search.best_score_ > 0.9


def test_cross_validation_of_digits_reaches_what_such_a_network_can() -> None:
    x, y = load_digits(return_X_y=True)

    scores = cross_val_score(StClassifier(epochs=15, random_state=1), x / 16, y, cv=3)

    assert scores.mean() > 0.92


def test_diabetes_is_told_better_than_by_the_mean_in_its_own_unit() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), StRegressor(epochs=30, lr=0.001, random_state=2))

    model.fit(x[:300], y[:300])

    assert model.score(x[300:], y[300:]) > 0.4
    assert 100 < model.predict(x[300:]).mean() < 200


def test_ensembles_and_transformers_of_targets_take_them() -> None:
    x, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    bag = BaggingClassifier(StClassifier(hidden=(), epochs=20, lr=0.05), 3, random_state=0)
    logarithmic = TransformedTargetRegressor(
        StRegressor(hidden=(), epochs=20, lr=0.05, random_state=0), func=np.log, inverse_func=np.exp
    )

    assert bag.fit(x, y).score(x, y) > 0.85
    assert logarithmic.fit(x, np.exp(x[:, 0])).score(x, np.exp(x[:, 0])) > 0.95


def test_clone_has_the_parameters_and_nothing_learned() -> None:
    x, y = load_iris(return_X_y=True)
    fitted = StClassifier(hidden=[{"type": "linear", "out_features": 4}], epochs=1).fit(x, y)

    copy = clone(fitted)

    assert copy.get_params() == fitted.get_params()
    assert not [name for name in vars(copy) if name.endswith("_")]
