"""What every backend has to do beside its kernels: memory, overwriting, plans, threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from st.core.backend import (
    DTYPES,
    Backend,
    Call,
    Executable,
    Plan,
    Storage,
    UnsupportedOperatorError,
    View,
    dense,
    spec,
)
from st.core.testing.backend.case import Array, Case, constant, place, run, values

N_RUNS_IN_THREAD = 20


class _Memory:
    """Arrays on a backend, for tests that need more than one call."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.buffers: dict[Storage, Any] = {}

    def put(self, array: Array, role: Any = "input") -> View:
        view, data = place(array, role)
        self.buffers[view.storage] = self.backend.alloc(len(data))
        self.backend.write(self.buffers[view.storage], memoryview(data))
        return view

    def get(self, view: View) -> Array:
        data = bytearray(view.storage.nbytes)
        self.backend.read(self.buffers[view.storage], memoryview(data))
        size = DTYPES[view.spec.dtype]
        strides = tuple(size * stride for stride in view.strides)
        return np.ndarray(view.spec.shape, view.spec.dtype, data, size * view.offset, strides)


def _temp(like: View) -> View:
    return dense(Storage(like.spec.nbytes, "temp"), like.spec)


class PlanSuite:
    """Tests of what every backend has to do beside its kernels; needs a fixture `backend`."""

    # -- memory

    def test_identity_is_stated(self, backend: Backend) -> None:
        assert backend.name
        assert backend.kind in ("cpu", "gpu")
        assert backend.description

    def test_memory_keeps_what_was_written_at_an_offset(self, backend: Backend) -> None:
        buffer = backend.alloc(64)
        backend.write(buffer, memoryview(bytes(64)))

        backend.write(buffer, memoryview(b"spiral"), 7)

        got = bytearray(10)
        backend.read(buffer, memoryview(got), 5)
        assert got == b"\0\0spiral\0\0"

    def test_written_data_may_be_changed_at_once(self, backend: Backend) -> None:
        data = bytearray(b"a" * 100_000)
        buffer = backend.alloc(len(data))

        backend.write(buffer, memoryview(data))
        data[:] = b"b" * len(data)

        got = bytearray(len(data))
        backend.read(buffer, memoryview(got))
        assert got == b"a" * len(data)

    def test_memory_of_no_bytes_can_be_used(self, backend: Backend) -> None:
        buffer = backend.alloc(0)

        backend.write(buffer, memoryview(b""))
        backend.read(buffer, memoryview(bytearray()))
        backend.sync()

    # -- calls

    @pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "maximum"])
    @pytest.mark.parametrize("over", [0, 1])
    def test_arithmetic_may_overwrite_an_operand(
        self, backend: Backend, op: str, over: int
    ) -> None:
        memory = _Memory(backend)
        arrays = values((9, 33), "float32", 1), values((9, 33), "float32", 2)
        views = [memory.put(array) for array in arrays]
        fresh = memory.put(np.zeros((9, 33), np.float32), "output")
        backend.launch(Call(op, tuple(views), (fresh,)), memory.buffers)

        backend.launch(Call(op, tuple(views), (views[over],)), memory.buffers)

        np.testing.assert_array_equal(memory.get(views[over]), memory.get(fresh))

    @pytest.mark.parametrize("over", [1, 2])
    def test_where_may_overwrite_what_it_chooses_from(self, backend: Backend, over: int) -> None:
        memory = _Memory(backend)
        arrays = [values((300,), dtype, n) for n, dtype in enumerate(("bool", "int32", "int32"))]
        views = [memory.put(array) for array in arrays]

        backend.launch(Call("where", tuple(views), (views[over],)), memory.buffers)

        np.testing.assert_array_equal(memory.get(views[over]), np.where(*arrays))

    @pytest.mark.parametrize("op", ["neg", "copy"])
    def test_unary_operators_may_overwrite_their_operand(self, backend: Backend, op: str) -> None:
        memory = _Memory(backend)
        array = values((257,), "float32")
        view = memory.put(array)

        backend.launch(Call(op, (view,), (view,)), memory.buffers)

        np.testing.assert_array_equal(memory.get(view), -array if op == "neg" else array)

    def test_overwriting_a_slice_leaves_the_rest(self, backend: Backend) -> None:
        memory = _Memory(backend)
        whole = values((8, 9), "float32", 1)
        part, other = memory.put(whole[1::2, 3:7]), memory.put(values((4, 4), "float32", 2))

        backend.launch(Call("add", (part, other), (part,)), memory.buffers)

        expected = whole.copy()
        expected[1::2, 3:7] += values((4, 4), "float32", 2)
        np.testing.assert_array_equal(
            memory.get(dense(part.storage, spec((8, 9), "float32"))), expected
        )

    def test_scatter_add_is_deterministic(self, backend: Backend) -> None:
        indices = np.random.default_rng(1).integers(0, 5, 20_000)
        updates = values((20_000, 3), "float32")
        attrs = (("n_rows", 5),)
        case = Case(
            "", "scatter_add", (indices, updates), np.zeros((5, 3), np.float32), attrs=attrs
        )

        first, second = run(backend, case, "eager"), run(backend, case, "plan")

        assert first.tobytes() == second.tobytes()

    def test_unknown_operator_is_not_supported_and_refused(self, backend: Backend) -> None:
        memory = _Memory(backend)
        view = memory.put(np.zeros(3, np.float32))
        call = Call("no_such_operator", (view,), (_temp(view),), where="model.3")

        assert not backend.supports(call)
        with pytest.raises(UnsupportedOperatorError, match=r"no_such_operator.*model\.3"):
            backend.bind(Plan((call,), ()), memory.buffers)

    def test_backend_works_on_after_a_refusal(self, backend: Backend) -> None:
        self.test_unknown_operator_is_not_supported_and_refused(backend)
        self.test_unary_operators_may_overwrite_their_operand(backend, "neg")

    def test_eager_launches_are_told_while_somebody_listens(self, backend: Backend) -> None:
        memory = _Memory(backend)
        x, y = memory.put(values((2, 3), "float32")), memory.put(values((2, 3), "float32"))
        told: list[tuple[Any, ...]] = []
        before = backend.topic
        try:
            backend.topic = SimpleNamespace(record=told.append)
            backend.launch(Call("add", (x, y), (y,), where="here"), memory.buffers)
            backend.topic = SimpleNamespace(record=None)
            backend.launch(Call("add", (x, y), (y,)), memory.buffers)
            backend.sync()
        finally:
            backend.topic = before

        ((op, shapes, start_ns, end_ns, name, where),) = told
        assert (op, shapes, name, where) == ("add", ((2, 3), (2, 3)), backend.name, "here")
        assert 0 <= start_ns <= end_ns

    # -- plans

    def test_plan_runs_its_calls_in_order(self, backend: Backend) -> None:
        memory, plan, x, y = _chain(backend)

        backend.bind(plan, memory.buffers).run()

        np.testing.assert_allclose(memory.get(y), _chained(memory.get(x)), rtol=1e-5)

    def test_plan_runs_again_on_new_input(self, backend: Backend) -> None:
        memory, plan, x, y = _chain(backend)
        executable = backend.bind(plan, memory.buffers)
        executable.run()
        new = values(x.spec.shape, "float32", 9)

        backend.write(memory.buffers[x.storage], memoryview(new.tobytes()))
        executable.run()

        np.testing.assert_allclose(memory.get(y), _chained(new), rtol=1e-5)

    def test_plan_bound_twice_keeps_apart(self, backend: Backend) -> None:
        memory, plan, x, y = _chain(backend)
        other = _Memory(backend)
        other.buffers = {s: backend.alloc(s.nbytes) for s in memory.buffers}
        new = values(x.spec.shape, "float32", 9)
        backend.write(other.buffers[x.storage], memoryview(new.tobytes()))
        first, second = backend.bind(plan, memory.buffers), backend.bind(plan, other.buffers)

        first.run()
        second.run()

        np.testing.assert_allclose(memory.get(y), _chained(memory.get(x)), rtol=1e-5)
        np.testing.assert_allclose(other.get(y), _chained(new), rtol=1e-5)

    def test_kept_plan_offers_every_result(self, backend: Backend) -> None:
        memory, plan, x, _ = _chain(backend)

        executable: Any = backend.bind(plan, memory.buffers, keep=True)
        executable.run()

        memory.buffers.update(executable.memory)
        array = memory.get(x)
        np.testing.assert_allclose(memory.get(plan.calls[0].outputs[0]), array + array, rtol=1e-6)
        tanh = memory.get(plan.calls[1].outputs[0])
        np.testing.assert_allclose(tanh, np.tanh(array + array), rtol=1e-5)

    def test_launches_cover_every_call_once(self, backend: Backend) -> None:
        memory, plan, _, _ = _chain(backend)

        executable = backend.bind(plan, memory.buffers)

        covered = [n for launch in executable.launches for n in launch]
        assert sorted(covered) == list(range(len(plan.calls)))
        assert executable.n_bytes >= 0

    def test_trace_is_told_each_launch_in_order(self, backend: Backend) -> None:
        memory, plan, _, _ = _chain(backend)
        executable = backend.bind(plan, memory.buffers)
        told: list[tuple[int, int, int]] = []

        executable.run(lambda *launch: told.append(launch))
        backend.sync()

        assert [n for n, _, _ in told] == list(range(len(executable.launches)))
        assert all(start_ns <= end_ns for _, start_ns, end_ns in told)

    def test_plan_of_no_calls_runs(self, backend: Backend) -> None:
        backend.bind(Plan((), ()), {}).run()

    def test_state_accumulates_from_run_to_run(self, backend: Backend) -> None:
        memory = _Memory(backend)
        total = memory.put(np.zeros(3, np.float32), "state")
        x = memory.put(np.array([1, 2, 3], np.float32))
        executable = backend.bind(Plan((Call("add", (total, x), (total,)),), ()), memory.buffers)

        for _ in range(4):
            executable.run()

        np.testing.assert_array_equal(memory.get(total), [4, 8, 12])

    # -- threads

    def test_threads_may_launch_at_once(self, backend: Backend) -> None:
        results = _at_once(4, lambda n: _launched(backend, n))

        assert results == [True] * 4

    def test_threads_may_run_a_plan_each(self, backend: Backend) -> None:
        plans = [_chain(backend) for _ in range(4)]
        bound = [backend.bind(plan, memory.buffers) for memory, plan, _, _ in plans]

        def repeat(n: int) -> bool:
            memory, _, x, y = plans[n]
            return _repeated(bound[n], memory, x, y)

        assert _at_once(4, repeat) == [True] * 4


def _chain(backend: Backend) -> tuple[_Memory, Plan, View, View]:
    """Return a plan of dependent calls, with its input and output: temporaries die on the way."""
    memory = _Memory(backend)
    x = memory.put(values((17, 31), "float32"))
    y = memory.put(np.zeros(17, np.float32), "output")
    a, b, c, d = (_temp(x) for _ in range(4))
    calls = (
        Call("add", (x, x), (a,), where="a"),
        Call("tanh", (a,), (b,), where="b"),
        Call("mul", (b, constant(3.0, "float32")), (c,), where="c"),
        Call("add", (c, x), (d,), where="d"),
        Call("max", (d,), (y,), (("axes", (1,)),), where="e"),
    )
    return memory, Plan(calls, (y,)), x, y


def _chained(x: Array) -> Array:
    wide = x.astype(np.float64)
    largest: Array = (np.tanh(2 * wide) * 3 + wide).max(1)
    return largest


def _launched(backend: Backend, n: int) -> bool:
    memory = _Memory(backend)
    x = memory.put(np.full(1000, n, np.float32))
    for _ in range(N_RUNS_IN_THREAD):
        backend.launch(Call("add", (x, constant(1.0, "float32")), (x,)), memory.buffers)
    return bool((memory.get(x) == n + N_RUNS_IN_THREAD).all())


def _repeated(executable: Executable, memory: _Memory, x: View, y: View) -> bool:
    for _ in range(N_RUNS_IN_THREAD):
        executable.run()
    return bool(np.allclose(memory.get(y), _chained(memory.get(x)), rtol=1e-5))


def _at_once(n_threads: int, work: Callable[[int], bool]) -> list[bool]:
    """Return what `work` gives in each thread; they start together."""
    barrier = Barrier(n_threads)
    results = [False] * n_threads

    def start(n: int) -> None:
        barrier.wait()
        results[n] = work(n)

    threads = [Thread(target=start, args=(n,)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
