"""Copies left out because what they copy is written where they would: when, and when not."""

import numpy as np

from st.core.backend import Call, Plan, Storage, View, dense, spec
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.numpy_backend.layout import laid_out
from st.nn.plan import finish
from st.nn.tape import Tape, Tensor

F32 = "float32"
SHAPE = (3, 2, 5, 4)


def temp(*shape: int) -> View:
    of = spec(shape, F32)
    return dense(Storage(of.nbytes, "temp"), of)


def turned(view: View) -> View:
    """Return the view with its two middle axes changed about."""
    a, b, c, d = view.spec.shape
    p, q, r, s = view.strides
    return View(view.storage, spec((a, c, b, d), F32), (p, r, q, s))


def covered(*calls: Call, outputs: tuple[View, ...] = ()) -> list[tuple[int, ...]]:
    return [one.covers for one in laid_out(Plan(calls, outputs))]


def test_product_is_written_in_the_order_in_which_it_is_wanted() -> None:
    x, y, z, out = temp(3, 2, 5, 6), temp(3, 2, 6, 4), temp(*SHAPE), temp(3, 5, 2, 4)
    calls = (Call("matmul", (x, y), (z,)), Call("copy", (turned(z),), (out,)))

    (made,) = laid_out(Plan(calls, ()))

    assert made.covers == (0, 1)
    assert made.call.outputs == (View(out.storage, z.spec, (40, 4, 8, 1)),)


def test_result_that_is_read_once_more_is_kept() -> None:
    x, z, out, more = temp(*SHAPE), temp(*SHAPE), temp(3, 5, 2, 4), temp(*SHAPE)
    calls = (
        Call("exp", (x,), (z,)),
        Call("copy", (turned(z),), (out,)),
        Call("neg", (z,), (more,)),
    )

    assert covered(*calls) == [(0,), (1,), (2,)]
    assert covered(*calls[:2], outputs=(z,)) == [(0,), (1,)]


def test_goal_that_is_read_before_the_copy_is_not_overwritten_early() -> None:
    x, z, goal, more = temp(*SHAPE), temp(*SHAPE), temp(3, 5, 2, 4), temp(3, 5, 2, 4)
    calls = (
        Call("exp", (x,), (z,)),
        Call("neg", (goal,), (more,)),
        Call("copy", (turned(z),), (goal,)),
    )

    assert covered(*calls) == [(0,), (1,), (2,)]


def test_part_of_a_result_is_still_copied() -> None:
    x, z, out = temp(4, 6), temp(4, 6), temp(2, 6)
    part = View(z.storage, spec((2, 6), F32), (6, 1), 12)

    assert covered(Call("exp", (x,), (z,)), Call("copy", (part,), (out,))) == [(0,), (1,)]


def test_result_with_an_axis_more_is_still_copied() -> None:
    x, z, out = temp(2, 3), temp(2, 3), temp(1, 2, 3)
    longer = View(z.storage, out.spec, (6, 3, 1))

    assert covered(Call("exp", (x,), (z,)), Call("copy", (longer,), (out,))) == [(0,), (1,)]


def test_plan_gives_what_its_copies_gave() -> None:
    def heads(x: Tensor) -> Tensor:
        y = ops.matmul(x, x.T) * 0.5
        return ops.copy(y.transpose(0, 2, 1, 3)) + 1.0

    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    backend = NumPyBackend()
    eager = Tape(backend)
    given = eager.input(x)
    expected = heads(given).numpy()
    recording = Tape(supports=backend.supports)
    made = heads(recording.tensor(given.view))
    goal = recording.new(made.spec, role="output")
    recording.emit("copy", (made,), out=(goal,))
    plan, _ = finish(recording.calls)
    memory = {given.view.storage: eager.memory[given.view.storage]}
    memory[goal.view.storage] = backend.alloc(goal.view.storage.nbytes)
    executable = backend.bind(plan, memory)

    executable.run()

    assert memory[goal.view.storage].tobytes() == expected.tobytes()
    assert sorted(n for covers in executable.launches for n in covers) == list(
        range(len(plan.calls))
    )
    assert len(executable.launches) < len(plan.calls)
