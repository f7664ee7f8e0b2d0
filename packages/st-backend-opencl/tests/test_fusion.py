"""Fused plans against the same plans run call by call: every bit is equal."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st.core.backend import Call, Const, Plan, Storage, View, dense, kernels, spec

SHAPES = [(7, 33), (4, 3, 20), (130,), (1, 5), (2, 3, 2, 17), (64, 64)]
BINARY = ["add", "sub", "mul", "div", "maximum"]
UNARY = ["neg", "exp", "tanh", "copy"]


class Planner:
    """Draws a plan of calls over views of one input, and remembers what may be read."""

    def __init__(self, draw: Any, shape: tuple[int, ...]) -> None:
        self.draw = draw
        self.shape = shape
        self.calls: list[Call] = []
        self.x, self.y = (self.new(shape, "input") for _ in range(2))
        self.labels = self.new(shape[:-1], "input", "int64")
        self.total = self.new(shape, "state")
        self.whole = [self.x, self.y, self.total, self.column(shape)]
        self.rows: list[View] = []

    def new(self, shape: tuple[int, ...], role: Any = "temp", dtype: str = "float32") -> View:
        made = spec(shape, dtype)
        return dense(Storage(made.nbytes, role), made)

    def column(self, shape: tuple[int, ...]) -> View:
        """Return the first row of `x`, repeated for every row."""
        return View(self.x.storage, self.x.spec, (*(0 for _ in shape[:-1]), 1))

    def widened(self, row: View) -> View:
        return View(row.storage, self.x.spec, (*row.strides, 0), row.offset)

    def call(self, op: str, inputs: tuple[Any, ...], out: View, **attrs: Any) -> View:
        self.calls.append(Call(op, inputs, (out,), tuple(attrs.items())))
        return out

    def step(self) -> None:
        """Add one call."""
        kinds = ["unary", "binary", "where", "state", "constant", "turned", "sum", "max", "take"]
        kind = self.draw(st.sampled_from(kinds + (["row", "widen"] if self.rows else [])))
        a, b = (self.draw(st.sampled_from(self.whole)) for _ in range(2))
        last = len(self.shape) - 1
        if kind in ("sum", "max"):
            self.rows.append(self.call(kind, (a,), self.new(self.shape[:-1]), axes=(last,)))
        elif kind == "row":
            row = self.draw(st.sampled_from(self.rows))
            self.rows.append(self.call("add", (row, self.rows[-1]), self.new(row.spec.shape)))
        elif kind == "widen":
            row = self.draw(st.sampled_from(self.rows))
            made = self.call("sub", (a, self.widened(row)), self.new(self.shape))
            self.whole.append(made)
        elif kind == "take":
            made = self.new((*self.shape[:-1], self.shape[-1]))
            table = View(a.storage, a.spec, a.strides, a.offset)
            if len(self.shape) == 2:
                self.whole.append(self.call("take", (table, self.labels), made))
        elif kind == "state":
            self.call("add", (self.total, a), self.total)
        elif kind == "unary":
            op = self.draw(st.sampled_from(UNARY))
            self.whole.append(self.call(op, (a,), self.new(self.shape)))
        elif kind == "where":
            is_less = self.new(self.shape, dtype="bool")
            self.call("compare", (a, b), is_less, relation="lt")
            self.whole.append(self.call("where", (is_less, a, b), self.new(self.shape)))
        elif kind == "turned":
            made = self.new(self.shape[::-1])
            turned = View(made.storage, self.x.spec, made.strides[::-1])
            self.whole.append(self.call("copy", (a,), turned))
        else:
            second = Const(0.75, spec((), "float32")) if kind == "constant" else b
            op = self.draw(st.sampled_from(BINARY))
            self.whole.append(self.call(op, (a, second), self.new(self.shape)))

    def finish(self) -> list[View]:
        """Copy what was made last to outputs."""
        made = [
            self.call("copy", (view,), self.new(view.spec.shape, "output"))
            for view in (self.whole[-1], *self.rows[-1:])
        ]
        return [*made, self.total]


def results(run: Any, planner: Planner, outputs: list[View], *, keep: bool) -> list[bytes]:
    """Return what two runs of the plan leave in its outputs."""
    backend = run.backend
    random = np.random.default_rng(8)
    memory = {}
    for view in (planner.x, planner.y, planner.total):
        memory[view.storage] = backend.alloc(view.spec.nbytes)
        backend.write(memory[view.storage], memoryview(random.random(view.spec.shape, "f4")))
    labels = random.integers(-2, 70, planner.labels.spec.shape)
    memory[planner.labels.storage] = backend.alloc(labels.nbytes)
    backend.write(memory[planner.labels.storage], memoryview(np.asarray(labels).tobytes()))
    for view in outputs:
        memory.setdefault(view.storage, backend.alloc(view.spec.nbytes))
    executable = backend.bind(Plan(tuple(planner.calls), ()), memory, keep=keep)
    executable.run()
    executable.run()
    return [run.fetch(memory[v.storage], v.spec.shape, "float32").tobytes() for v in outputs]


# Nearly every example builds kernels of its own, which takes longer than anything else here; the
# same ones each time come from the cache.
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_fused_plan_gives_the_bits_of_its_single_calls(run: Any, data: Any) -> None:
    planner = Planner(data.draw, data.draw(st.sampled_from(SHAPES)))
    for _ in range(data.draw(st.integers(1, 12))):
        planner.step()
    outputs = planner.finish()

    fused, single = (results(run, planner, outputs, keep=keep) for keep in (False, True))

    assert fused == single


def float_view(shape: tuple[int, ...], role: Any = "temp") -> View:
    made = spec(shape, "float32")
    return dense(Storage(made.nbytes, role), made)


def softmax(rows: int, columns: int) -> tuple[Plan, View, View]:
    """Return the plan of a softmax of rows, its input and its output."""
    x, y = float_view((rows, columns), "input"), float_view((rows, columns), "output")
    largest, total = float_view((rows,)), float_view((rows,))
    shifted, e = float_view((rows, columns)), float_view((rows, columns))
    wide = [View(v.storage, x.spec, (1, 0)) for v in (largest, total)]
    axes = (("axes", (1,)),)
    calls = (
        Call("max", (x,), (largest,), axes),
        Call("sub", (x, wide[0]), (shifted,)),
        Call("exp", (shifted,), (e,)),
        Call("sum", (e,), (total,), axes),
        Call("div", (e, wide[1]), (y,)),
    )
    return Plan(calls, (y,)), x, y


@pytest.mark.parametrize("columns", [2, 10, 16, 17, 1000])
def test_softmax_is_one_launch_and_right(run: Any, numbers: Any, columns: int) -> None:
    plan, x, y = softmax(9, columns)
    given = numbers.standard_normal((9, columns)).astype("f4")
    memory = {view.storage: run.backend.alloc(view.spec.nbytes) for view in (x, y)}
    run.backend.write(memory[x.storage], memoryview(given.tobytes()))

    executable = run.backend.bind(plan, memory)
    executable.run()

    e = np.exp(given.astype("f8") - given.max(1, keepdims=True))
    got = run.fetch(memory[y.storage], (9, columns), "float32")
    np.testing.assert_allclose(got, e / e.sum(1, keepdims=True), rtol=2e-6)
    assert executable.launches == ((0, 1, 2, 3, 4),)


def test_other_sizes_of_a_fused_plan_build_no_new_program(cold: Any) -> None:
    made = []
    for rows in (33, 8, 2):
        plan, x, y = softmax(rows, 10)
        memory = {view.storage: cold.alloc(view.spec.nbytes) for view in (x, y)}
        cold.bind(plan, memory).run()
        made.append(cold.runtime.programs.n_made)

    assert made == [1, 1, 1]


def test_temporaries_inside_a_launch_need_no_more_than_a_row(backend: Any) -> None:
    plan, x, y = softmax(9, 100)
    memory = {view.storage: backend.alloc(view.spec.nbytes) for view in (x, y)}

    executable = backend.bind(plan, memory)

    assert executable.n_bytes == 4 * 100


def test_what_reads_another_place_waits_for_another_launch(run: Any) -> None:
    x, y = float_view((40,), "input"), float_view((40,), "output")
    doubled = float_view((40,))
    turned = View(doubled.storage, doubled.spec, (-1,), 39)
    calls = (Call("add", (x, x), (doubled,)), Call("add", (doubled, turned), (y,)))
    given = np.arange(40, dtype="f4") ** 2
    memory = {view.storage: run.backend.alloc(160) for view in (x, y)}
    run.backend.write(memory[x.storage], memoryview(given.tobytes()))

    executable = run.backend.bind(Plan(calls, (y,)), memory)
    executable.run()

    got = run.fetch(memory[y.storage], (40,), "float32")
    assert np.array_equal(got, 2 * given + 2 * given[::-1])
    assert executable.launches == ((0,), (1,))


def test_expression_of_a_plugin_is_fused(backend: Any) -> None:
    x, y = float_view((40,), "input"), float_view((40,), "output")
    between = float_view((40,))
    calls = (
        Call("bend", (x,), (between,), (("by", 0.5),)),
        Call("neg", (between,), (y,)),
    )
    memory = {view.storage: backend.alloc(160) for view in (x, y)}
    backend.write(memory[x.storage], memoryview(np.full(40, 3, "f4").tobytes()))

    with kernels.register("bend", "OpenCL", "x * x + ATTR_by"):
        executable = backend.bind(Plan(calls, (y,)), memory)
        executable.run()

    got = np.empty(40, "f4")
    backend.read(memory[y.storage], memoryview(got))
    assert np.all(got == -9.5)
    assert executable.launches == ((0, 1),)
