"""Containers against NumPy: what they compute, and what they refuse."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core import Registry
from st.core.backend import spec
from st.nn.model import Model
from st.nn.modules import (
    Linear,
    Merge,
    Module,
    Named,
    Parallel,
    Relu,
    Reshape,
    Residual,
    Sequential,
)
from st.nn.predictor import Predictor
from st.nn.tape import ShapeError

X = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
Predict = Callable[..., tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]]


@pytest.fixture
def predict(registry: Registry) -> Predict:
    """Give a function that returns what modules make of `X`, and their parameters."""

    def run(*modules: Module) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        from st.nn.modules.chain import steps

        model = Model(steps(modules), spec((3,), "float32"))
        parameters = model.initialise(seed=5)
        return Predictor(model, parameters, registry.get_service("backend.numpy"))(X), parameters

    return run


def test_sequential_is_the_same_as_its_modules_in_a_row(predict: Predict) -> None:
    inside, of_inside = predict(Sequential(modules=(Linear(out_features=5), Relu())))

    assert set(of_inside) == {"0.0.weight", "0.0.bias"}
    expected = np.maximum(X @ of_inside["0.0.weight"] + of_inside["0.0.bias"], 0)
    np.testing.assert_allclose(inside, expected, rtol=1e-6)


def test_residual_adds_the_input(predict: Predict) -> None:
    y, parameters = predict(Residual(modules=(Linear(out_features=3, bias=False),)))

    np.testing.assert_allclose(y, X + X @ parameters["0.0.weight"], rtol=1e-6)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("concat", lambda a, b: np.concatenate([a, b], axis=-1)),
        ("add", np.add),
        ("multiply", np.multiply),
    ],
    ids=["concat", "add", "multiply"],
)
def test_parallel_and_merge_put_outputs_together(
    predict: Predict, how: str, expected: Callable[..., NDArray[np.float32]]
) -> None:
    left = Named(module=Linear(out_features=4), name="left")
    right = Linear(out_features=4)
    parallel, weights = predict(Parallel(modules=(left, right), how=how))
    merged, others = predict(
        left,
        Named(module=right, name="right", inputs=("input",)),
        Named(module=Merge(how=how), inputs=("left", "right")),
    )

    for y, first, second, of in (
        (parallel, "0.left", "0.1", weights),
        (merged, "left", "right", others),
    ):
        a, b = (X @ of[f"{name}.weight"] + of[f"{name}.bias"] for name in (first, second))
        np.testing.assert_allclose(y, expected(a, b), rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 2), (2, -1), (-1,), (6, 1)], ids=str)
def test_reshape_lays_out_anew(predict: Predict, shape: tuple[int, ...]) -> None:
    y, parameters = predict(Linear(out_features=6), Reshape(shape=shape))

    flat = X @ parameters["0.weight"] + parameters["0.bias"]
    np.testing.assert_allclose(y, flat.reshape(4, *shape), rtol=1e-6)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([Reshape(shape=(-1, -1))], "leaves 2 lengths open"),
        ([Reshape(shape=(2, -1))], r"3 numbers do not fit the shape \(2, -1\)"),
        ([Reshape(shape=(4,))], "3 numbers do not fit"),
        ([Named(module=Relu(), inputs=("gone",))], "no module before this one is called 'gone'"),
        ([Named(module=Relu(), inputs=("input", "input"))], "takes one input, given 2"),
        (
            [Parallel(modules=(Linear(out_features=2), Relu()), how="add")],
            r"the shapes are \(b,2\), \(b,3\)",
        ),
    ],
    ids=["two open", "open", "size", "name", "two inputs", "sum"],
)
def test_what_does_not_fit_is_refused(
    predict: Predict, modules: list[Module], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        predict(*modules)
