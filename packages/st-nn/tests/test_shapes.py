from st.core.backend import Spec, spec
from st.nn.init import ones
from st.nn.modules import Linear, Module, Relu, Scope, Sequential
from st.nn.modules.chain import steps
from st.nn.shapes import check_shapes
from st.nn.tape import ShapeError, Tensor

FOUR = spec((4,), "float32")


class Late(Module, frozen=True):
    """Declares a parameter of the input's size before it refuses any size but 9."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        y = x * scope.parameter("scale", x.shape[1:], ones())
        if x.shape[1] != 9:
            raise ShapeError("nine are needed")
        return y

    def accepts(self, given: Spec) -> Spec | None:
        return spec((given.shape[0], 9), given.dtype)


def test_check_goes_on_with_what_a_module_accepts_whatever_it_declared_before() -> None:
    modules = steps([Late(), Linear(in_features=8, out_features=2)])

    assert [(f.place, f.expected, f.given) for f in check_shapes(modules, FOUR)] == [
        ((0,), (9,), (4,)),
        ((1,), (8,), (9,)),
    ]


def test_fault_inside_is_told_once_and_not_again_by_what_is_around_it() -> None:
    inner = Sequential(modules=(Relu(), Sequential(modules=(Late(), Relu()))))

    (fault,) = check_shapes(steps([Sequential(modules=(inner,))]), FOUR)

    assert fault.place == (0, "modules", 0, "modules", 1, "modules", 0)
    assert fault.path == "0.0.1.0"


def test_check_goes_on_after_a_module_that_is_not_known() -> None:
    modules = [
        ("a", None),
        ("b", Relu()),
        ("c", Linear(in_features=3, out_features=2)),
        ("d", Late()),
    ]

    assert [f.place for f in check_shapes(modules, FOUR)] == [(3,)]
    assert [f.place for f in check_shapes(modules, None)] == [(3,)]
