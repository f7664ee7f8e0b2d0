"""Runs part by part: the same bits, less memory, and what must stay apart."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from st.core.backend import Call, Const, Executable, Plan, Storage, View, dense, spec
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.numpy_backend.strips import STRIP, groups
from st.nn.plan import finish
from st.nn.tape import Tape, Tensor, gradients

N = 5 * STRIP + 123
F32 = "float32"


def vector(n: int = N, *, role: str = "temp", dtype: str = F32) -> View:
    of = spec((n,), dtype)
    return dense(Storage(of.nbytes, role), of)  # type: ignore[arg-type]  # a role


def together(*calls: Call) -> list[tuple[int, ...]]:
    return [group.calls for group in groups(calls, lambda call: True)]


def everything(x: Tensor, y: Tensor, scale: Tensor) -> Tensor:
    """Apply every elementwise operator once or more."""
    z = ops.exp(x) + ops.tanh(y) * scale
    z = ops.sqrt(ops.maximum(z, 0.5)) / ops.log(ops.maximum(y, 1.5))
    z = ops.where(ops.compare(x, y, "lt"), z, -x)
    counts = ops.cast(ops.compare(z, 0.25, "ge"), F32)
    return ops.copy(z - counts)


def run_both_ways(
    function: Callable[..., Tensor], inputs: Sequence[np.ndarray[Any, Any]]
) -> tuple[bytes, bytes, Executable, int]:
    """Return the bytes of a bound plan's second run and of eager calls, and the plan bound."""
    backend = NumPyBackend()
    eager = Tape(backend)
    given = [eager.input(x) for x in inputs]
    expected = function(*given).numpy()
    recording = Tape(supports=backend.supports)
    made = function(*(recording.tensor(value.view) for value in given))
    goal = recording.new(made.spec, role="output")
    recording.emit("copy", (made,), out=(goal,))
    plan, _ = finish(recording.calls)
    memory = {value.view.storage: eager.memory[value.view.storage] for value in given}
    for storage, values in recording.constants.items():
        memory[storage] = backend.alloc(storage.nbytes)
        backend.write(memory[storage], memoryview(values.tobytes()))
    memory[goal.view.storage] = backend.alloc(goal.view.storage.nbytes)
    executable = backend.bind(plan, memory)
    executable.run()
    executable.run()
    return memory[goal.view.storage].tobytes(), expected.tobytes(), executable, len(plan.calls)


@pytest.mark.parametrize("n", [2 * STRIP - 1, 2 * STRIP, N], ids=["short", "even", "odd"])
def test_strips_give_the_bits_of_eager(n: int) -> None:
    generator = np.random.default_rng(0)
    x, y = (generator.normal(size=n).astype(np.float32) for _ in range(2))

    made, expected, executable, _ = run_both_ways(everything, [x, y, np.array(1.7, np.float32)])

    assert made == expected
    assert (len(executable.launches) == 1) == (n >= 2 * STRIP)


def attended(x: Tensor) -> Tensor:
    return ops.attention(x, x * 0.5, x, causal=True)


def normalised(x: Tensor) -> Tensor:
    row = x.tape.constant(np.linspace(0.5, 1.5, x.shape[-1], dtype=np.float32))
    return ops.layer_norm(x + row, row, row)


def pooled(x: Tensor) -> Tensor:
    return ops.relu(ops.max_pool2d(x - 0.1, 2))


def slope_of_pooled(x: Tensor) -> Tensor:
    (made,) = gradients(ops.sum(pooled(x) * 2.0), [x])
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (attended, (4, 4, 128, 32)),
        (attended, (3, 2, 150, 16)),
        (ops.softmax, (1024, 128)),
        (ops.softmax, (1000, 140)),
        (normalised, (16, 128, 64)),
        (normalised, (2048, 72)),
        (pooled, (16, 28, 28, 16)),
        (slope_of_pooled, (16, 28, 28, 16)),
    ],
)
def test_parts_give_the_bits_of_eager(
    function: Callable[[Tensor], Tensor], shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)

    made, expected, executable, n_calls = run_both_ways(function, [x])

    assert made == expected
    assert len(executable.launches) < n_calls


def test_what_lives_within_a_run_takes_memory_for_one_strip() -> None:
    backend = NumPyBackend()
    x, y = vector(role="input"), vector(role="output")
    a, b = vector(), vector()
    calls = (Call("exp", (x,), (a,)), Call("add", (a, x), (b,)), Call("mul", (b, a), (y,)))
    memory = {v.storage: backend.alloc(v.storage.nbytes) for v in (x, y)}

    executable = backend.bind(Plan(calls, (y,)), memory)

    assert executable.n_bytes <= 2 * 4 * STRIP
    assert executable.launches == ((0, 1, 2),)


def test_kept_results_are_whole() -> None:
    backend = NumPyBackend()
    x, y, a = vector(role="input"), vector(role="output"), vector()
    calls = (Call("neg", (x,), (a,)), Call("neg", (a,), (y,)))
    memory = {v.storage: backend.alloc(v.storage.nbytes) for v in (x, y)}

    executable = backend.bind(Plan(calls, (y,)), memory, keep=True)

    assert executable.launches == ((0,), (1,))
    assert executable.memory[a.storage].nbytes == a.storage.nbytes


def test_calls_of_one_length_go_together() -> None:
    x, a, b = vector(role="input"), vector(), vector()
    short = vector(8)

    assert together(Call("exp", (x,), (a,)), Call("neg", (a,), (b,))) == [(0, 1)]
    assert together(Call("exp", (x,), (a,)), Call("neg", (short,), (short,))) == [(0,), (1,)]


def test_other_operators_end_a_run() -> None:
    x, a = vector(role="input"), vector()
    total = dense(Storage(4, "temp"), spec((), F32))
    calls = (
        Call("exp", (x,), (a,)),
        Call("sum", (a,), (total,), (("axes", (0,)),)),
        Call("neg", (x,), (x,)),
    )

    assert together(*calls) == [(0,), (1,), (2,)]


def test_value_read_from_another_offset_ends_a_run() -> None:
    storage = Storage(4 * (N + 8), "state")
    here, there = (dense(storage, spec((N,), F32), offset) for offset in (0, 8))
    out = vector()

    assert together(Call("neg", (here,), (here,)), Call("exp", (there,), (out,))) == [(0,), (1,)]


def test_scalar_written_within_would_be_read_too_early() -> None:
    x, out = vector(role="state"), vector()
    first = View(x.storage, spec((N,), F32), (0,))

    assert together(Call("neg", (x,), (x,)), Call("add", (out, first), (out,))) == [(0,), (1,)]


def test_row_is_added_to_the_rows_of_a_part() -> None:
    of = spec((N, 2), F32)
    matrix = dense(Storage(of.nbytes, "temp"), of)
    row = View(Storage(8, "input"), of, (0, 1))

    assert together(Call("add", (matrix, row), (matrix,)), Call("neg", (matrix,), (matrix,))) == [
        (0, 1)
    ]


def test_rows_that_are_no_multiple_of_what_is_summed_at_once_stay_together() -> None:
    of, rows = spec((1000, 130), F32), spec((1000,), F32)
    x, y = (dense(Storage(of.nbytes, "temp"), of) for _ in range(2))
    total = dense(Storage(rows.nbytes, "temp"), rows)

    assert together(Call("neg", (x,), (y,)), Call("sum", (y,), (total,), (("axes", (1,)),))) == [
        (0,),
        (1,),
    ]


def test_other_rows_of_what_is_written_end_a_run() -> None:
    of, half = spec((1024, 128), F32), spec((512, 128), F32)
    x = dense(Storage(of.nbytes, "temp"), of)
    lower = View(x.storage, half, (128, 1), 512 * 128)
    out = dense(Storage(half.nbytes, "temp"), half)

    assert together(Call("neg", (x,), (x,)), Call("exp", (lower,), (out,))) == [(0,), (1,)]


def test_constants_are_no_hindrance() -> None:
    x = vector(role="state")
    half = Const(0.5, spec((), F32))

    assert together(Call("mul", (x, half), (x,)), Call("add", (half, x), (x,))) == [(0, 1)]
