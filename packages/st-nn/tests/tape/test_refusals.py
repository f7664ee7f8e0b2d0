"""Bad input: one clear error each, with operator, operands and module path."""

import numpy as np
import pytest

from st.core.backend import Const, UnsupportedOperatorError, spec
from st.nn import Adam, CrossEntropy, Model, TrainingStep, ops
from st.nn.modules import Embedding, Flatten, Linear, Named, Sequential
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import (
    DTypeError,
    ForeignTensorError,
    GradientError,
    NonFiniteError,
    NoValueError,
    OverlapError,
    ShapeError,
    Tape,
    Tensor,
    UnknownOperatorError,
    gradients,
)

BACKEND = NumPyBackend()


@pytest.fixture
def tape() -> Tape:
    return Tape(BACKEND)


def tensor(tape: Tape, *shape: int, dtype: str = "float32") -> Tensor:
    return tape.input(np.ones(shape, dtype))


def test_shapes_that_do_not_fit_are_named_with_operator_and_module(tape: Tape) -> None:
    x, y = tensor(tape, 2, 3), tensor(tape, 4, 5)

    with (
        tape.at("mlp.2"),
        pytest.raises(ShapeError, match=r"mlp\.2 \(matmul\).*inner axes.*\(2,3\).*\(4,5\)"),
    ):
        ops.matmul(x, y)
    with tape.at("mlp.3"), pytest.raises(ShapeError, match=r"mlp\.3 \(add\).*do not broadcast"):
        x + y
    with pytest.raises(ShapeError, match=r"concat: the shapes differ beside axis 0; got .*\(2,3\)"):
        ops.concat([x, y])


def test_dtypes_that_do_not_fit_are_named(tape: Tape) -> None:
    x, indices = tensor(tape, 2, 3), tensor(tape, 2, dtype="int64")

    with pytest.raises(DTypeError, match="take: indices are integers"):
        ops.take(x, x)
    with pytest.raises(DTypeError, match=r"exp: takes float32, float64.*int64\(2\)"):
        ops.exp(indices)
    with pytest.raises(DTypeError, match="logical_and: takes bool"):
        ops.logical_and(x, x)


def test_wrong_number_of_operands_is_refused(tape: Tape) -> None:
    x = tensor(tape, 2, 2)

    for name in ("matmul", "take", "where", "cross_entropy", "take_along", "relu", "sort"):
        with pytest.raises(ShapeError, match=rf"{name}: takes \d inputs, got 4"):
            tape.emit(name, (x, x, x, x), {"axis": 0})


def test_unknown_operator_is_refused_with_the_nearest_name(tape: Tape) -> None:
    with pytest.raises(UnknownOperatorError, match=r"'cumsun'.*did you mean 'cumsum'"):
        tape.emit("cumsun", (tensor(tape, 2),))


def test_tensor_of_another_tape_is_refused(tape: Tape) -> None:
    other = Tape(BACKEND)

    with pytest.raises(ForeignTensorError, match=r"add: input 1 lies on another tape.*NumPy"):
        tensor(tape, 2) + tensor(other, 2)
    with pytest.raises(ForeignTensorError, match="recording, not on NumPy"):
        tensor(tape, 2) * Tape().constant(np.ones(2, np.float32))


def test_array_of_numpy_is_no_operand(tape: Tape) -> None:
    with pytest.raises(TypeError, match="add: ndarray is no tensor"):
        np.ones(2, np.float32) + tensor(tape, 2)
    with pytest.raises(TypeError, match=r"tape.constant\(array\)"):
        tensor(tape, 2) + np.ones(2, np.float32)


def test_value_of_a_closed_tape_is_refused(tape: Tape) -> None:
    x = tensor(tape, 2)
    y = x * 2.0

    tape.close()

    for use in (y.numpy, lambda: y + 1.0, lambda: tape.write(x, np.ones(2, np.float32))):
        with pytest.raises(NoValueError, match="has no memory on this tape"):
            use()


def test_value_never_written_is_refused(tape: Tape) -> None:
    with pytest.raises(NoValueError, match="nothing was written"):
        tape.new(spec((3,), "float32")) + 1.0


def test_value_of_a_recording_tape_is_refused() -> None:
    x = Tape().constant(np.ones(1, np.float32))

    with pytest.raises(NoValueError, match="not computed"):
        x.numpy()
    with pytest.raises(NoValueError, match=r"choose with ops\.where"):
        bool(x > 0)


def test_truth_of_many_values_is_refused(tape: Tape) -> None:
    with pytest.raises(ShapeError, match="one value is needed"):
        bool(tensor(tape, 2) > 0)


def test_check_finite_names_the_operator_where_it_began() -> None:
    tape = Tape(BACKEND, check_finite=True)
    x = tape.input(np.array([1.0, 0.0, -1.0], np.float32))
    whole = x * 2.0

    with (
        tape.at("head"),
        pytest.raises(
            NonFiniteError, match=r"head \(log\): 2 of 3 values.*-inf at \(1,\); got float32\(3\)"
        ),
    ):
        ops.log(whole)


def test_check_finite_refuses_input_that_is_not() -> None:
    tape = Tape(BACKEND, check_finite=True)

    with pytest.raises(NonFiniteError, match=r"pixels: 1 of 2 .* nan at \(0,\)"):
        tape.input(np.array([np.nan, 1.0]), "pixels")


def test_check_finite_reads_views_and_leaves_integers_alone() -> None:
    tape = Tape(BACKEND, check_finite=True)
    x = tape.input(np.arange(12.0).reshape(3, 4))

    y = ops.cast(ops.pad(x.T[1:], 1), "int64")

    assert y.numpy().sum() == 66 - 12


def test_infinity_passes_without_check_finite(tape: Tape) -> None:
    assert np.isneginf(ops.log(tensor(tape, 2) * 0.0).numpy()).all()


def test_derivative_that_does_not_exist_is_refused(tape: Tape) -> None:
    x = tensor(tape, 3)

    with pytest.raises(GradientError, match="no scalar"):
        gradients(x * 2.0, [x])
    with pytest.raises(GradientError, match="not floating"):
        gradients(ops.sum(x), [tensor(tape, 3, dtype="int64")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ops.concat([]), "concat: takes at least one tensor"),
        (lambda x: ops.concat([x, x[0]]), "the same number of axes"),
        (lambda x: ops.stack([x, x.T]), "stack: takes tensors of one shape"),
        (lambda x: ops.pad(x, ((1, 1),)), r"pad: 1 widths for 2 axes"),
        (lambda x: ops.pad(x, -1), "not negative"),
        (lambda x: ops.top_k(x, 9), "top_k: there are no 9 largest of 3 values"),
        (lambda x: ops.top_k(x, 0), "no 0 largest"),
        (lambda x: ops.sort(x, 2), "outside a shape of 2 axes"),
        (lambda x: ops.cumsum(x[0, 0]), "outside a shape of 0 axes"),
        (lambda x: ops.softmax(x, 5), "outside a shape"),
        (lambda x: ops.min(x[:0]), "min: axes .* hold nothing"),
        (lambda x: ops.rms_norm(x, x), r"rms_norm: takes a scale of shape \(3,\)"),
        (lambda x: ops.batch_norm(x, x[0], x[:, 0]), r"batch_norm: takes scale and shift"),
        (lambda x: ops.batch_norm(x[:0], x[0], x[0]), "no values to average"),
        (lambda x: x[:, :, 0], "3 indices for"),
        (lambda x: x[::-1], "slices step forwards"),
        (lambda x: x[5], "outside an axis of length 2"),
        (lambda x: x.reshape(7), "6 elements do not fit"),
        (lambda x: x.transpose(0, 0), "each axis"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_attributes_that_do_not_fit_are_refused(tape: Tape, make, message: str) -> None:  # type: ignore[no-untyped-def]  # any operator
    with pytest.raises(ShapeError, match=message):
        make(tensor(tape, 2, 3))


def test_constant_that_the_type_cannot_hold_is_refused(tape: Tape) -> None:
    with pytest.raises(DTypeError, match=r"1\.5 is no int64"):
        tensor(tape, 2, dtype="int64") * 1.5
    with pytest.raises(DTypeError, match=r"-1 is no uint32"):
        tensor(tape, 2, dtype="uint32") + -1


def test_constant_is_no_tensor_of_another_tape(tape: Tape) -> None:
    (made,) = tape.emit("add", (tensor(tape, 2), Const(1.0, spec((), "float32"))))

    assert made.numpy().tolist() == [2, 2]


def test_what_is_no_tensor_is_refused_by_any_operator(tape: Tape) -> None:
    with pytest.raises(TypeError, match="take: ndarray is no tensor"):
        ops.take(tensor(tape, 2), np.array([1]))  # type: ignore[arg-type]  # what is refused
    with pytest.raises(TypeError, match="mul: str is no tensor"):
        tensor(tape, 2) * "3"  # type: ignore[operator]  # what is refused


def test_training_step_names_the_operator_that_stops_being_finite() -> None:
    model = Model([("0", Linear(out_features=2))], spec((3,), "float32"))
    step = TrainingStep(model, CrossEntropy(), Adam(), BACKEND, 2, model.initialise(1))
    x, y = np.ones((2, 3), np.float32), np.array([0, 1])
    step.check_finite(x, y)
    step.load_parameters({"0.weight": np.full((3, 2), 3e38, "f4"), "0.bias": np.zeros(2, "f4")})
    before = step.parameters()

    with pytest.raises(NonFiniteError, match=r"0 \(matmul\): 4 of 4 values are not finite"):
        step.check_finite(x, y)

    np.testing.assert_array_equal(step.parameters()["0.weight"], before["0.weight"])


class Lacking(NumPyBackend):
    """A backend without one of the operators it should have."""

    def __init__(self, op: str) -> None:
        super().__init__()
        self.binders = {name: made for name, made in self.binders.items() if name != op}


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (
            "take",
            r"NumPy: Call\(take: float32\(4,2\), int64\(3,2\) -> float32\(3,2,2\) at 0\.table\)",
        ),
        ("scatter_add", r"NumPy: Call\(scatter_add: .* n_rows=4 at 0\.table:vjp\)"),
        ("sqrt", r"NumPy: Call\(sqrt: float32\(\d+\) -> float32\(\d+\) at optimizer\)"),
    ],
    ids=["forward", "backward", "optimizer"],
)
def test_call_that_cannot_be_bound_names_operator_shapes_and_place(op: str, message: str) -> None:
    inner = Sequential(
        modules=(Named(name="table", module=Embedding(n_rows=4, width=2)), Flatten())
    )
    model = Model([("0", inner), ("1", Linear(out_features=2))], spec((2,), "int64"))
    parts = model, CrossEntropy(), Adam(), Lacking(op), 3, model.initialise(1)

    with pytest.raises(UnsupportedOperatorError, match=message):
        TrainingStep(*parts)


def test_tensor_of_another_backend_is_refused(tape: Tape) -> None:
    class Other(NumPyBackend):
        name = "Other"

    elsewhere = Tape(Other())

    with pytest.raises(
        ForeignTensorError, match=r"lies on another tape \(on Other, not on NumPy\)"
    ):
        tensor(tape, 2) + tensor(elsewhere, 2)
    with pytest.raises(ForeignTensorError, match=r"\(on NumPy, not on Other\).*tape\.input"):
        ops.concat([tensor(elsewhere, 2), tensor(tape, 2)])


def test_output_over_an_input_that_is_still_read_is_refused(tape: Tape) -> None:
    x, line = tensor(tape, 3, 3), tensor(tape, 6)

    for overlapping in (
        lambda: ops.matmul(x, x, out=x),
        lambda: ops.add(line[1:], line[:-1], out=line[1:]),
        lambda: ops.add(x, x.T, out=x),
        lambda: tape.emit("cumsum", (line,), {"axis": 0, "reverse": False}, out=(line,)),
    ):
        with pytest.raises(OverlapError, match=r"would overwrite input .* leave `out` away"):
            overlapping()


def test_output_beside_or_exactly_over_an_input_is_written(tape: Tape) -> None:
    line = tape.input(np.arange(6.0))

    ops.add(line[::2], line[1::2], out=line[::2])
    ops.mul(line[3:], 2.0, out=line[3:])
    ops.add(line[:2], line[2:4], out=line[:2])

    assert line.numpy().tolist() == [6, 7, 5, 6, 18, 10]
