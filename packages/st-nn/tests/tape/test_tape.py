"""The tape: what is written down, what is run, what goes wrong, and where."""

import subprocess
import sys

import numpy as np
import pytest

from st.core.backend import Const, spec
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import (
    DTypeError,
    DuplicateOperatorError,
    GradientError,
    OperandError,
    Operator,
    ShapeError,
    Tape,
    Tensor,
    UnknownOperatorError,
    gradients,
    operators,
)


def value(tape: Tape, *shape: int, dtype: str = "float32") -> Tensor:
    return tape.new(spec(shape, dtype), role="input")


@pytest.fixture
def eager() -> Tape:
    return Tape(NumPyBackend())


def test_views_make_no_calls() -> None:
    tape = Tape()
    x = value(tape, 2, 3, 4)

    y = x.reshape(6, 4).T[1:3].broadcast_to((5, 2, 6))

    assert tape.calls == []
    assert y.shape == (5, 2, 6)


def test_values_without_backend_are_not_computed() -> None:
    tape = Tape()
    x = value(tape, 3) + 1.0

    with pytest.raises(ValueError, match="has no backend"):
        x.numpy()


def test_python_operators_compute(eager: Tape) -> None:
    x = eager.input(np.array([[1.0, 2.0], [4.0, 8.0]]))

    got = (-(2.0 * x - 1.0) / x + (1.0 - x) * (3.0 / x)) @ x.T

    a = x.numpy()
    np.testing.assert_allclose(got.numpy(), (-(2 * a - 1) / a + (1 - a) * (3 / a)) @ a.T)


def test_tape_alone_knows_the_built_in_operators() -> None:
    program = """
import numpy as np
from st.nn.tape import Tape
assert repr(Tape().constant(np.ones(2, np.float32)) * 2.0) == "Tensor(float32(2))"
"""

    came = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert came.returncode == 0, came.stderr


def test_calls_carry_the_path_they_were_made_at() -> None:
    tape = Tape()
    x = value(tape, 3)
    with tape.at("2"):
        y = ops.exp(x)
        with tape.at("2.inner"):
            y = ops.tanh(y)
    gradients(ops.sum(y), [x])

    places = {call.where for call in tape.calls}
    assert {"2", "2.inner", "2.inner:vjp", "2:vjp"} <= places


def test_types_meet_by_cast() -> None:
    tape = Tape()
    narrow, wide = value(tape, 3), value(tape, 3, dtype="float64")

    assert (narrow + wide).dtype == "float64"
    assert (narrow + value(tape, 3, dtype="int64")).dtype == "float32"
    assert (value(tape, 3, dtype="int32") * value(tape, 3, dtype="int64")).dtype == "int64"
    assert [call.op for call in tape.calls].count("cast") == 3


def test_python_scalars_take_the_tensors_type() -> None:
    tape = Tape()

    value(tape, 3, dtype="int32") + 2

    assert tape.calls[-1].inputs[1] == Const(2, spec((), "int32"))


def test_fraction_does_not_fit_an_integer() -> None:
    with pytest.raises(DTypeError, match=r"add: the constant 0.5 is no int64; cast"):
        value(Tape(), 3, dtype="int64") + 0.5


def test_signed_and_unsigned_do_not_mix() -> None:
    tape = Tape()

    with pytest.raises(DTypeError, match="do not mix"):
        value(tape, 3, dtype="int64") + value(tape, 3, dtype="uint64")


def test_floating_functions_refuse_integers() -> None:
    with pytest.raises(DTypeError, match=r"exp: takes float32, float64; .*got int64\(3\)"):
        ops.exp(value(Tape(), 3, dtype="int64"))


def test_error_names_operator_operands_and_path() -> None:
    tape = Tape()

    with (
        tape.at("mlp.2"),
        pytest.raises(
            ShapeError,
            match=r"mlp\.2 \(add\): shapes \(3,\) and \(4,\) do not broadcast; got float32",
        ),
    ):
        value(tape, 3) + value(tape, 4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x.reshape(5), "6 elements do not fit"),
        (lambda x: x.reshape(-1, -1), "more than one axis"),
        (lambda x: x.reshape(4, -1), "6 elements do not fit"),
        (lambda x: x.transpose(0, 0), "do not name each axis"),
        (lambda x: x.broadcast_to((2, 4)), "does not broadcast"),
        (lambda x: x[5], "outside an axis of length 2"),
        (lambda x: x[0, 0, 0], "3 indices"),
        (lambda x: x[::-1], "step forwards"),
        (lambda x: ops.sum(x, 2), "outside a shape"),
        (lambda x: ops.sum(x, (0, -2)), "twice"),
        (lambda x: ops.max(x[:0], 0), "nothing to choose"),
        (lambda x: ops.take(x[:0], x.tape.constant(np.array([0]))), "no rows"),
        (lambda x: x @ x, "inner axes differ: 3 columns, 2 rows"),
        (lambda x: ops.matmul(x[0], x), "takes matrices"),
        (lambda x: x[0, 0].T, "matrix is needed"),
        (lambda x: ops.cross_entropy(x, x.tape.constant(np.array([0]))), r"labels \(n,\)"),
    ],
)
def test_wrong_shapes_are_refused(wrong: object, message: str) -> None:
    assert callable(wrong)
    with pytest.raises(ShapeError, match=message):
        wrong(value(Tape(), 2, 3))


def test_unknown_operator_names_the_nearest() -> None:
    with pytest.raises(UnknownOperatorError, match="did you mean 'matmul'"):
        Tape().emit("matmull", ())


def test_gradient_of_what_does_not_depend_is_none() -> None:
    tape = Tape()
    x, y = value(tape, 3), value(tape, 3)

    assert gradients(ops.sum(x), [y]) == [None]


def test_gradient_of_a_matrix_needs_a_seed() -> None:
    tape = Tape()
    x = value(tape, 3)

    with pytest.raises(GradientError, match="no scalar"):
        gradients(x * 2.0, [x])


def test_integers_have_no_gradient() -> None:
    tape = Tape()
    x = value(tape, 3, dtype="int64")

    with pytest.raises(GradientError, match="not floating"):
        gradients(ops.sum(x), [x])


def test_no_gradient_goes_through_no_grad() -> None:
    tape = Tape()
    x = value(tape, 3)
    with tape.no_grad():
        y = ops.exp(x)

    assert gradients(ops.sum(y), [x]) == [None]


def test_second_derivative_is_exact(eager: Tape) -> None:
    x = eager.input(np.array([0.3, -0.7, 1.1]))
    (first,) = gradients(ops.sum(ops.tanh(x)), [x])
    assert first is not None
    (second,) = gradients(ops.sum(first), [x])

    t = np.tanh(x.numpy())
    assert second is not None
    np.testing.assert_allclose(second.numpy(), -2 * t * (1 - t**2), rtol=1e-12)


def test_gradient_of_a_transposed_matrix_needs_no_copy() -> None:
    tape = Tape()
    x, w = value(tape, 5, 3), value(tape, 2, 3)

    (gradient,) = gradients(ops.sum(x @ w.T), [w])

    assert gradient is not None
    assert gradient.view.is_dense


def test_equal_constants_are_stored_once() -> None:
    tape = Tape()
    first, second = (tape.constant(np.arange(3.0)) for _ in range(2))

    assert first.view.storage is second.view.storage
    assert tape.constant(np.arange(3)).view.storage is not first.view.storage


def test_scalar_tensor_has_no_length() -> None:
    with pytest.raises(TypeError, match="no length"):
        len(value(Tape()))


def test_overwriting_with_another_shape_is_refused() -> None:
    tape = Tape()

    with pytest.raises(ShapeError, match=r"makes float32\(3\), not float32\(4\)"):
        ops.exp(value(tape, 3), out=value(tape, 4))


# -- operators of one's own


def cubed_only_decomposed() -> Operator:
    return Operator(
        "test_cube", lambda inputs, attrs: inputs, None, lambda x, attrs: [x[0] * x[0] * x[0]]
    )


def test_gradient_goes_through_a_decomposition(eager: Tape) -> None:
    handle = operators.register(cubed_only_decomposed())
    try:
        x = eager.input(np.array([2.0, -1.0]))
        (y,) = eager.emit("test_cube", (x,))
        (gradient,) = gradients(ops.sum(y), [x])
    finally:
        handle.close()

    assert gradient is not None
    np.testing.assert_allclose(gradient.numpy(), [12.0, 3.0])


def test_decomposition_may_hand_its_input_on(eager: Tape) -> None:
    handle = operators.register(
        Operator(
            "test_same",
            lambda inputs, attrs: inputs,
            lambda at, dy: [None if dy[0] is None else dy[0] * 2.0],
            lambda inputs, attrs: [inputs[0]],
        )
    )
    try:
        x = eager.input(np.ones(2))
        (y,) = eager.emit("test_same", (x,))
        (gradient,) = gradients(ops.sum(y), [x])
    finally:
        handle.close()

    assert gradient is not None
    np.testing.assert_allclose(gradient.numpy(), [2.0, 2.0])


def test_operator_without_derivative_says_so() -> None:
    handle = operators.register(Operator("test_opaque", lambda inputs, attrs: inputs))
    try:
        tape = Tape()
        x = value(tape, 2)
        with tape.at("3"):
            (y,) = tape.emit("test_opaque", (x,))
        with pytest.raises(GradientError, match="'test_opaque' at 3 has no derivative"):
            gradients(ops.sum(y), [x])
    finally:
        handle.close()


def test_closing_a_handle_takes_the_operator_out() -> None:
    handle = operators.register(cubed_only_decomposed())
    with pytest.raises(DuplicateOperatorError, match="'test_cube'"):
        operators.register(cubed_only_decomposed())

    handle.close()
    handle.close()

    assert "test_cube" not in operators.names()


def test_fault_keeps_what_the_inner_caller_knew() -> None:
    inner = OperandError("too small", op="inner")

    outer = inner.at(op="outer", specs=[spec((2,), "bool")], where="1")

    assert (outer.op, outer.where, outer.specs) == ("inner", "1", ())
