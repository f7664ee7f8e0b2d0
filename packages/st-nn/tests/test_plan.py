"""Plans: calls made twice, results written in place, dead calls, constants, random expressions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from st.core.backend import Call, Const, Storage, dense, lifetimes, share, spec
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.plan import finish
from st.nn.tape import Tape, Tensor, gradients

F32 = "float32"


def tensor(tape: Tape, *shape: int, role: str = "input") -> Tensor:
    return tape.new(spec(shape, F32), role=role)  # type: ignore[arg-type]  # a role


def output(tape: Tape, value: Tensor) -> Tensor:
    goal = tape.new(value.spec, role="output")
    tape.emit("copy", (value,), out=(goal,))
    return goal


def names(tape: Tape) -> list[str]:
    plan, _ = finish(tape.calls)
    return [call.op for call in plan.calls]


def test_what_nobody_reads_is_left_out() -> None:
    tape = Tape()
    x = tensor(tape, 3)
    ops.tanh(x)
    output(tape, ops.exp(x))

    assert names(tape) == ["exp"]


def test_repeated_call_is_made_once() -> None:
    tape = Tape()
    x = tensor(tape, 3)
    output(tape, ops.exp(x) + ops.exp(x))

    assert names(tape) == ["exp", "add"]


def test_call_on_a_state_that_changes_is_made_again() -> None:
    tape = Tape()
    state = tensor(tape, 3, role="state")
    before = ops.exp(state)
    ops.add(state, 1.0, out=state)
    output(tape, before + ops.exp(state))

    assert names(tape) == ["exp", "add", "exp", "add"]


def test_result_is_written_where_it_was_copied_to() -> None:
    tape = Tape()
    flat = Storage(4 * 8, "state")
    goal = tape.tensor(dense(flat, spec((2, 2), F32), 4))
    made = tensor(tape, 2, 2) @ tensor(tape, 2, 2)
    tape.emit("copy", (made,), out=(goal,))

    plan, numbers = finish(tape.calls)

    (call,) = plan.calls
    assert (call.op, call.outputs, numbers) == ("matmul", (goal.view,), (0,))


def test_transposed_result_is_still_copied() -> None:
    tape = Tape()
    goal = tensor(tape, 3, 2, role="state")
    tape.emit("copy", (ops.exp(tensor(tape, 2, 3)).T,), out=(goal,))

    assert names(tape) == ["exp", "copy"]


def test_result_is_copied_when_its_place_is_read_before() -> None:
    tape = Tape()
    state, x = tensor(tape, 3, role="state"), tensor(tape, 3)
    made = ops.exp(x)
    output(tape, state + made)
    tape.emit("copy", (made,), out=(state,))

    plan, _ = finish(tape.calls)

    assert [call.op for call in plan.calls] == ["exp", "add", "copy"]


def test_one_result_for_two_states_is_written_once_and_copied_once() -> None:
    tape = Tape()
    made = ops.exp(tensor(tape, 3))
    for _ in range(2):
        tape.emit("copy", (made,), out=(tensor(tape, 3, role="state"),))

    assert names(tape) == ["exp", "copy"]


def test_gradient_of_a_mean_begins_with_a_constant() -> None:
    tape = Tape()
    x = tensor(tape, 4)
    (gradient,) = gradients(ops.mean(ops.exp(x)), [x])
    assert gradient is not None
    output(tape, gradient)

    plan, _ = finish(tape.calls)

    assert [call.op for call in plan.calls] == ["exp", "mul"]
    assert Const(0.25, spec((), F32)) in plan.calls[1].inputs


def test_constants_are_rounded_as_a_kernel_rounds() -> None:
    tape = Tape()
    third = tape.full((), 1.0, F32) / 3.0
    output(tape, tensor(tape, 2) * third)

    plan, _ = finish(tape.calls)

    (constant,) = (x for x in plan.calls[-1].inputs if isinstance(x, Const))
    assert constant.value == float(np.float32(1) / np.float32(3))


@st.composite
def expressions(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Draw a program: each step names an operator and two earlier values."""
    n_steps = draw(st.integers(1, 12))
    names = ["add", "sub", "mul", "maximum", "tanh", "neg", "sum", "turn", "matmul", "where"]
    return [
        (draw(st.sampled_from(names)), draw(st.integers(0, n)), draw(st.integers(0, n)))
        for n in range(1, n_steps + 1)
    ]


def written(program: list[tuple[str, int, int]], x: Tensor, y: Tensor) -> Tensor:
    """Apply a program; every value is a 4 x 4 matrix."""
    found = [x, y]
    for op, first, second in program:
        a, b = found[first], found[second]
        match op:
            case "tanh" | "neg":
                made = getattr(ops, op)(a)
            case "sum":
                made = ops.sum(a, 0) + b
            case "turn":
                made = a.T
            case "matmul":
                made = ops.tanh(a @ b)
            case "where":
                made = ops.where(ops.compare(a, b, "lt"), a, b)
            case _:
                made = getattr(ops, op)(a, b)
        found.append(made)
    return found[-1]


def run_plan(
    tape: Tape, goals: list[Tensor], arrays: dict[Storage, NDArray[np.float32]]
) -> list[bytes]:
    backend = NumPyBackend()
    plan, _ = finish(tape.calls)
    memory = {storage: backend.alloc(storage.nbytes) for storage in arrays}
    memory |= {goal.view.storage: backend.alloc(goal.view.storage.nbytes) for goal in goals}
    for storage, array in arrays.items():
        backend.write(memory[storage], memoryview(array.tobytes()))
    executable = backend.bind(plan, memory)
    executable.run()
    executable.run()
    return [bytes(memory[goal.view.storage]) for goal in goals]


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_plan_of_a_random_expression_equals_eager_bit_for_bit(
    program: list[tuple[str, int, int]],
) -> None:
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=(4, 4)).astype(np.float32) for _ in range(2)]
    eager = Tape(NumPyBackend())
    inputs = [eager.input(array) for array in arrays]
    made = written(program, *inputs)
    expected = [made, *gradients(ops.sum(made), inputs)]
    recording = Tape(supports=NumPyBackend().supports)
    given_ = [recording.tensor(x.view) for x in inputs]
    planned = written(program, *given_)
    found = [planned, *gradients(ops.sum(planned), given_)]
    goals = [output(recording, value) for value in found if value is not None]

    got = run_plan(
        recording, goals, {x.view.storage: a for x, a in zip(inputs, arrays, strict=True)}
    )

    assert got == [value.numpy().tobytes() for value in expected if value is not None]


@settings(max_examples=50, deadline=None)
@given(expressions())
def test_storages_that_live_at_once_share_no_memory(program: list[tuple[str, int, int]]) -> None:
    tape = Tape()
    x, y = tensor(tape, 4, 4), tensor(tape, 4, 4)
    output(tape, written(program, x, y))
    plan, _ = finish(tape.calls)
    lives = lifetimes([call] for call in plan.calls)

    slots, sizes = share(lives)

    for a in lives:
        assert sizes[slots[a]] >= a.nbytes
        for b in lives:
            overlap = lives[a].first <= lives[b].last and lives[b].first <= lives[a].last
            assert a is b or not overlap or slots[a] != slots[b]


def test_outputs_of_a_plan_are_kept_though_they_are_temporaries() -> None:
    x = dense(Storage(12, "input"), spec((3,), F32))
    y = dense(Storage(12, "temp"), x.spec)

    plan, _ = finish([Call("exp", (x,), (y,))], (y,))

    assert [call.op for call in plan.calls] == ["exp"]
