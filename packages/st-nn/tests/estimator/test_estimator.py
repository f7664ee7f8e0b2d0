"""What an estimator of ours does beyond what scikit-learn checks."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.nn import StClassifier, StRegressor
from st.nn.faults import DescriptionError
from st.nn.train import TrainingDivergedError

X = np.random.default_rng(3).normal(size=(60, 4))
SIDES = np.where(X[:, 0] > X[:, 1], "over", "under")


def test_hidden_takes_sizes_and_modules_as_files_have_them() -> None:
    gelu = [6, {"type": "layer_norm"}, {"type": "gelu"}]

    weights = StClassifier(hidden=gelu, epochs=1).fit(X, SIDES).network_.weights

    shapes = {name: array.shape for name, array in weights.items()}
    assert shapes["0.weight"] == (4, 6)
    assert shapes["output.weight"] == (6, 2)


def test_images_are_reshaped_rows() -> None:
    rows = np.random.default_rng(5).normal(size=(40, 16))
    hidden = [
        {"type": "reshape", "shape": [4, 4, 1]},
        {"type": "conv2d", "out_channels": 3},
        {"type": "relu"},
    ]

    model = StClassifier(hidden=hidden, epochs=2, random_state=0).fit(rows, rows[:, 0] > 0)

    assert model.predict(rows).dtype == bool


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"hidden": [{"type": "lineer"}]}, "hidden 1 → type: .* nearest: linear"),
        ({"hidden": [8, {"type": "linear", "out_features": "x"}]}, "hidden 2 → out_features"),
        ({"hidden": [0]}, "hidden 1: expected a size, 1 or more"),
        ({"hidden": 8}, "hidden: expected a sequence of sizes"),
        ({"hidden": ["relu"]}, 'hidden 1: expected a size.* given "relu"'),
        ({"hidden": [{"type": "swish"}]}, "install it with: pip install"),
        ({"hidden": [{"type": "linear", "in_features": 9, "out_features": 2}]}, r"\(b,9\)|9"),
        ({"optimizer": "adm"}, 'optimizer: expected .*"adam".* given "adm"'),
        ({"optimizer": {"type": "sgd", "momentun": 0.5}}, "nearest: momentum|momentum"),
        ({"optimizer": {"type": "sgd", "lr": 0.5}}, "lr inside it"),
        ({"lr": 0}, "lr: expected"),
        ({"epochs": 0}, "epochs: expected"),
        ({"batch_size": "many"}, "batch_size: expected"),
    ],
)
def test_fault_names_the_parameter(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(DescriptionError, match=told):
        StClassifier(**parameters).fit(X, SIDES)


def test_same_random_state_gives_the_same_bits() -> None:
    first, second, other = (
        StClassifier(epochs=3, random_state=seed).fit(X, SIDES).predict_proba(X)
        for seed in (1, 1, 2)
    )

    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


def test_fits_in_threads_are_those_one_after_another() -> None:
    def fitted(seed: int) -> NDArray[Any]:
        model = StClassifier(epochs=5, random_state=seed).fit(X, SIDES)
        assert len(model.loss_curve_) == 5
        return model.predict_proba(X)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fitted, range(4)))

    np.testing.assert_array_equal(together, [fitted(seed) for seed in range(4)])


def test_float32_is_computed_in_float32_and_all_else_in_float64() -> None:
    models = [
        StClassifier(epochs=1).fit(x, SIDES) for x in (X.astype(np.float32), X, X.astype(int))
    ]

    assert [model.predict_proba(X).dtype for model in models] == ["float32", "float64", "float64"]


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_number_is_told_in_the_unit_of_the_target(unit: float) -> None:
    y = unit * (1000 + X[:, 0])

    model = StRegressor(hidden=(), lr=0.05, epochs=60, random_state=0).fit(X, y)

    np.testing.assert_allclose(model.predict(X), y, rtol=1e-3)


def test_constant_target_is_told_as_it_is() -> None:
    model = StRegressor(hidden=(), lr=0.05, epochs=300, random_state=0).fit(X, np.full(60, 7.0))

    np.testing.assert_allclose(model.predict(X), 7.0, atol=1e-2)


def test_loss_that_grows_without_end_is_told() -> None:
    wild = StRegressor(optimizer="sgd", lr=1e20, epochs=20, random_state=0)

    with pytest.raises(TrainingDivergedError, match="smaller lr"):
        wild.fit(X.astype(np.float32), X[:, 0])


def test_missing_scikit_learn_is_told_with_the_command_that_installs_it() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import st.nn; from st.nn import *\n"
        "st.nn.StClassifier"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "ModuleNotFoundError: the estimators of st.nn need scikit-learn" in done.stderr
    assert "pip install 'st-nn[sklearn]'" in done.stderr
