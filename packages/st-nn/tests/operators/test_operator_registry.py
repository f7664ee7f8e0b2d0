"""The service `operator_registry`: what it knows, checks and undoes."""

from collections.abc import Iterator

import numpy as np
import pytest

from st.core import Registry
from st.core.backend import kernels
from st.core.backend.kernels import DuplicateKernelError
from st.nn.backends import BackendNotFoundError
from st.nn.operator_registry import OPERATOR_REGISTRY, NotRegisteredError, OperatorRegistry
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import (
    DTypeError,
    DuplicateOperatorError,
    GradientError,
    OperandError,
    Operator,
    ShapeError,
    UnknownOperatorError,
    operators,
)

TWICE = Operator("twice", same(FLOATS, 1), decompose=lambda x, attrs: [x[0] + x[0]], arity=1)
X = np.array([1.0, -2.0])


@pytest.fixture
def service(registry: Registry) -> Iterator[OperatorRegistry]:
    before = operators.names()
    yield registry.get_service(OPERATOR_REGISTRY)
    assert operators.names() == before


def test_registering_adds_and_closing_takes_away(service: OperatorRegistry) -> None:
    with service.register(TWICE) as made:
        assert service.get("twice").decompose is TWICE.decompose
        assert "twice" in service.list()
        np.testing.assert_array_equal(service.execute("twice", X)[0], X + X)
        made.close()

        assert "twice" not in service.list()


def test_unregistering_takes_away_by_name(service: OperatorRegistry) -> None:
    service.register(TWICE, kernels={"Elsewhere": object()})

    service.unregister("twice")

    assert "twice" not in service.list()
    assert kernels.get("twice", "elsewhere") is None
    with pytest.raises(NotRegisteredError, match="'twice' is not known"):
        service.unregister("twice")


def test_built_in_operator_cannot_be_replaced_or_removed(service: OperatorRegistry) -> None:
    with pytest.raises(DuplicateOperatorError, match="'tanh'"):
        service.register(Operator("tanh", same(FLOATS, 1)))
    with pytest.raises(NotRegisteredError, match="'tanh' is built in"):
        service.unregister("tanh")


def test_failing_kernel_leaves_nothing_behind(service: OperatorRegistry) -> None:
    taken = kernels.register("twice", "there", object())
    try:
        with pytest.raises(DuplicateKernelError, match=r"'twice'.*'There'"):
            service.register(TWICE, kernels={"Here": object(), "There": object()})

        assert "twice" not in service.list()
        assert kernels.get("twice", "here") is None
    finally:
        taken.close()


def test_unknown_operator_names_the_nearest(service: OperatorRegistry) -> None:
    with pytest.raises(UnknownOperatorError, match="did you mean 'softmax'"):
        service.execute("sofmax", X)


def test_number_shape_and_type_of_operands_are_checked(service: OperatorRegistry) -> None:
    with pytest.raises(ShapeError, match="tanh: takes 1 inputs, got 2"):
        service.execute("tanh", X, X)
    with pytest.raises(DTypeError, match=r"tanh: takes float32, float64.*int64\(2\)"):
        service.execute("tanh", np.array([1, 2]))
    with pytest.raises(DTypeError, match="input 0 is float16, not one of float32"):
        service.execute("tanh", X.astype(np.float16))
    with pytest.raises(ShapeError, match="add: takes inputs of one shape"):
        service.execute("add", X, np.ones(3))
    with pytest.raises(OperandError, match="sum: needs the attribute 'axes'"):
        service.execute("sum", X)


def test_backward_gives_a_gradient_for_each_floating_input(service: OperatorRegistry) -> None:
    table, picks = np.arange(6.0).reshape(3, 2), np.array([2, 0, 2])

    dx, dpicks = service.backward("take", [table, picks], [np.ones((3, 2))])

    np.testing.assert_array_equal(dx, [[1, 1], [0, 0], [2, 2]])
    assert dpicks is None


def test_backward_takes_a_gradient_for_each_output(service: OperatorRegistry) -> None:
    x = np.array([3.0, 1.0, 2.0])

    (dx,) = service.backward("sort", [x], [np.array([10.0, 20, 30])], axis=0, descending=False)

    np.testing.assert_array_equal(dx, [30, 10, 20])
    with pytest.raises(OperandError, match=r"sort: takes gradients for float64\(3\)"):
        service.backward("sort", [x], [X], axis=0, descending=False)


def test_backward_of_what_has_no_derivative_is_refused(service: OperatorRegistry) -> None:
    with (
        service.register(Operator("still", same(FLOATS, 1)), kernels={"NumPy": _bind_still}),
        pytest.raises(GradientError, match="'still' has no derivative"),
    ):
        service.backward("still", [X])


def _bind_still(call: object, inputs: tuple[object, ...], outputs: tuple[object, ...]) -> object:
    return lambda: None


def test_backend_nobody_offers_is_refused(service: OperatorRegistry) -> None:
    with pytest.raises(BackendNotFoundError, match="'nunpy'; did you mean 'numpy'"):
        service.execute("tanh", X, backend="nunpy")
