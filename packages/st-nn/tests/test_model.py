"""Models: shapes, parameters, faults."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.init import zeros
from st.nn.model import Model
from st.nn.modules import Flatten, Linear, Module, Relu, Scope
from st.nn.shapes import ShapeFault, check_shapes
from st.nn.tape import ShapeError, Tensor
from st.nn.variables import ParameterConflictError

IMAGE = spec((8, 8), "float32")


def numbered(*modules: Module) -> list[tuple[str, Module]]:
    return [(str(n), module) for n, module in enumerate(modules)]


class Residual(Module, frozen=True):
    """A module with a module inside."""

    inner: Linear

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        return x + scope.apply("inner", self.inner, x)


class SumOfAll(Module, frozen=True):
    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        from st.nn import ops

        return ops.sum(x)


class Tied(Module, frozen=True):
    """Asks for one parameter twice."""

    second: int

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        first = scope.parameter("w", (3,), zeros())
        return x + (first + scope.parameter("w", (self.second,), zeros()))


def test_layers_say_type_shape_and_parameters() -> None:
    model = Model(numbered(Flatten(), Linear(out_features=128), Relu()), IMAGE)

    assert [(x.path, x.module_type, x.output_shape, x.n_parameters) for x in model.layers] == [
        ("0", "flatten", (64,), 0),
        ("1", "linear", (128,), 8320),
        ("2", "relu", (128,), 0),
    ]


def test_parameters_carry_the_path_of_their_module() -> None:
    model = Model([("block", Residual(inner=Linear(out_features=4)))], spec((4,), "float32"))

    assert {name: p.shape for name, p in model.parameters.items()} == {
        "block.inner.weight": (4, 4),
        "block.inner.bias": (4,),
    }


def test_integer_input_has_float32_parameters() -> None:
    assert Model([], spec((4,), "int64")).dtype == "float32"


def test_shape_error_names_module_and_path() -> None:
    modules = numbered(Linear(out_features=3), Linear(out_features=2, in_features=4))

    with pytest.raises(ShapeError, match=r"1 \(linear\): input has 3 features, expected 4"):
        Model(modules, spec((5,), "float32"))


def test_error_of_an_operator_names_the_module_it_ran_in() -> None:
    class Clash(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            return x @ x

    with pytest.raises(ShapeError, match=r"0 \(matmul\): the inner axes differ: 5 columns, 7 rows"):
        Model(numbered(Clash()), spec((5,), "float32"))


def test_module_that_loses_the_batch_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"0 \(sum_of_all\): .* does not begin with the batch"):
        Model(numbered(SumOfAll()), IMAGE)


def test_parameter_asked_for_twice_is_one() -> None:
    model = Model(numbered(Tied(second=3)), spec((3,), "float32"))

    assert list(model.parameters) == ["0.w"]


def test_parameter_of_two_shapes_is_refused() -> None:
    with pytest.raises(ParameterConflictError, match=r"'0\.w' is \(3,\)"):
        Model(numbered(Tied(second=1)), spec((3,), "float32"))


def test_sound_modules_have_no_faults() -> None:
    assert check_shapes(numbered(Flatten(), Linear(out_features=4, in_features=64)), IMAGE) == []


def test_every_fault_is_found() -> None:
    modules = numbered(
        Flatten(),
        Linear(out_features=10, in_features=60),
        Relu(),
        Linear(out_features=3, in_features=12),
    )

    faults = check_shapes(modules, IMAGE)

    assert [(fault.place, fault.expected, fault.given) for fault in faults] == [
        ((1,), (60,), (64,)),
        ((3,), (12,), (10,)),
    ]
    assert "input has 64 features, expected 60" in faults[0].message


def test_check_ends_at_a_module_that_does_not_say_what_it_takes() -> None:
    faults = check_shapes(numbered(SumOfAll(), Linear(out_features=1, in_features=9)), IMAGE)

    (fault,) = faults
    assert (fault.place, fault.expected) == ((0,), None)
    assert isinstance(fault, ShapeFault)


def test_scalar_input_of_a_linear_is_a_fault() -> None:
    (fault,) = check_shapes(numbered(Linear(out_features=2)), spec((), "float32"))

    assert "no features" in fault.message


def test_first_values_depend_on_seed_and_name_alone() -> None:
    two = Model(
        [("a", Linear(out_features=4)), ("b", Linear(out_features=4))], spec((4,), "float32")
    )
    one = Model([("b", Linear(out_features=4))], spec((4,), "float32"))

    np.testing.assert_array_equal(two.initialise(7)["b.weight"], one.initialise(7)["b.weight"])
    assert not np.array_equal(two.initialise(7)["a.weight"], two.initialise(7)["b.weight"])
    assert not np.array_equal(one.initialise(7)["b.weight"], one.initialise(8)["b.weight"])
