"""What LSTM and GRU modules are beside their numbers, which test_against_torch.py compares."""

import pytest

from st.core.backend import spec
from st.nn.model import Model
from st.nn.modules import Gru, LastStep, Linear, Lstm, Module
from st.nn.tape import ShapeError


@pytest.mark.parametrize(("module", "n_gates"), [(Lstm(hidden=5), 4), (Gru(hidden=5), 3)])
def test_parameters_and_operations_are_those_of_the_gates(module: Module, n_gates: int) -> None:
    (layer,) = Model([("0", module)], spec((10, 3), "float32")).layers

    assert layer.output_shape == (10, 5)
    assert layer.n_parameters == (3 + 5 + 2) * 5 * n_gates
    products = 2 * 10 * (3 + 5) * 5 * n_gates
    assert products < layer.n_flops < 2 * products


@pytest.mark.parametrize("module", [Lstm(hidden=2), Gru(hidden=2)], ids=["lstm", "gru"])
def test_shapes_of_a_million_rows_are_found_at_once(module: Module) -> None:
    modules = [("0", module), ("1", LastStep()), ("2", Linear(out_features=3))]

    assert Model(modules, spec((1_000_000, 4), "float32")).output.shape == (3,)


@pytest.mark.parametrize("module", [Lstm(hidden=2), Gru(hidden=2)], ids=["lstm", "gru"])
def test_input_without_rows_in_an_order_is_refused(module: Module) -> None:
    with pytest.raises(ShapeError, match=r"input \(4,\) is not \(rows, width\)"):
        Model([("0", module)], spec((4,), "float32"))
