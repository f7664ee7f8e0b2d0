"""The backend beyond single kernels: what plans hold on to, and what errors say."""

import gc
from typing import Any

import numpy as np
import pytest

from st.backend.opencl import Device, OpenCLBackend
from st.core.backend import BackendError, Call, Const, Plan, Storage, View, dense, kernels, spec


def temp(shape: tuple[int, ...]) -> View:
    made = spec(shape, "float32")
    return dense(Storage(made.nbytes, "temp"), made)


def chain(backend: OpenCLBackend, n: int) -> tuple[Plan, dict[Storage, Any], View]:
    """Return a plan that squares, transposes, multiplies and sums, its memory and its result."""
    x, y = (dense(Storage(4 * n * n, "input"), spec((n, n), "float32")) for _ in range(2))
    result = dense(Storage(4 * n, "output"), spec((n,), "float32"))
    square, turned, product = temp((n, n)), temp((n, n)), temp((n, n))
    flip = View(square.storage, square.spec, square.strides[::-1])
    back = View(turned.storage, turned.spec, turned.strides[::-1])
    calls = (
        Call("mul", (x, Const(2.0, spec((), "float32"))), (square,)),
        Call("copy", (flip,), (turned,)),
        Call("matmul", (turned, back), (product,)),
        Call("sum", (product,), (result,), (("axes", (0,)),)),
    )
    memory = {view.storage: backend.alloc(view.storage.nbytes) for view in (x, y, result)}
    backend.write(memory[x.storage], memoryview(np.full((n, n), 0.5, "f4").tobytes()))
    return Plan(calls, (result,)), memory, result


def fetched(backend: OpenCLBackend, buffer: Any, n: int) -> Any:
    made = np.empty(n, "f4")
    backend.read(buffer, made.data)
    return made


def test_bound_plan_keeps_what_its_launches_use(backend: OpenCLBackend) -> None:
    n = 90
    bound = []
    for _ in range(30):
        plan, memory, result = chain(backend, n)
        bound.append((backend.bind(plan, memory), memory[result.storage]))
        del plan, memory
        gc.collect()
        backend.alloc(4 * n * n)
        backend.runtime.memory.free_held()

    for executable, buffer in bound:
        executable.run()
        assert np.array_equal(fetched(backend, buffer, n), np.full(n, n * n, "f4"))


def test_queued_work_outlives_its_plan_and_memory(backend: OpenCLBackend) -> None:
    kept = []
    for _ in range(20):
        plan, memory, result = chain(backend, 64)
        backend.bind(plan, memory).run()
        kept.append(memory[result.storage])
        del plan, memory
    gc.collect()
    backend.runtime.memory.free_held()

    for buffer in kept:
        assert np.array_equal(fetched(backend, buffer, 64), np.full(64, 4096, "f4"))


def test_unbound_plan_gives_its_memory_back(device: Device) -> None:
    backend = OpenCLBackend(device)
    plan, memory, _ = chain(backend, 64)
    backend.bind(plan, memory).run()
    backend.sync()
    n_before = backend.runtime.memory.n_active

    for _ in range(5):
        backend.bind(plan, memory).run()
    backend.sync()
    gc.collect()

    assert backend.runtime.memory.n_active == n_before


def layer(backend: OpenCLBackend, n: int) -> tuple[Plan, dict[Storage, Any]]:
    """Return the plan of a layer of 300 units and the gradient of its weights, for `n` rows."""
    x, weights, dy = (
        dense(Storage(4 * rows * columns, "input"), spec((rows, columns), "float32"))
        for rows, columns in [(n, 70), (70, 320), (n, 320)]
    )
    y, gradient, total = (
        dense(Storage(4 * spec(shape, "float32").size, "output"), spec(shape, "float32"))
        for shape in [(n, 320), (70, 320), (320,)]
    )
    product, turned = temp((n, 320)), View(x.storage, spec((70, n), "float32"), (1, 70))
    bias = View(weights.storage, y.spec, (0, 1))
    calls = (
        Call("matmul", (x, weights), (product,)),
        Call("add", (product, bias), (product,)),
        Call("tanh", (product,), (y,)),
        Call("matmul", (turned, dy), (gradient,)),
        Call("sum", (dy,), (total,), (("axes", (0,)),)),
    )
    views = (x, weights, dy, y, gradient, total)
    return Plan(calls, ()), {view.storage: backend.alloc(view.storage.nbytes) for view in views}


@pytest.mark.parametrize("sizes", [(64, 33, 500, 2), (2, 64)], ids=str)
def test_second_batch_size_of_a_plan_builds_no_new_program(
    cold: OpenCLBackend, sizes: tuple[int, ...]
) -> None:
    made = []
    for n in sizes:
        cold.bind(*layer(cold, n)).run()
        made.append(cold.runtime.programs.n_made)

    assert set(made) == {made[0]}


def test_packed_operands_count_as_memory_of_the_plan(backend: OpenCLBackend) -> None:
    n = 300
    shape = spec((n, n), "float32")
    x, y, z = (dense(Storage(shape.nbytes, "input"), shape) for _ in range(3))
    memory = {view.storage: backend.alloc(shape.nbytes) for view in (x, y, z)}

    bound = backend.bind(Plan((Call("matmul", (x, y), (z,)),), ()), memory)

    assert bound.n_bytes == 4 * n * 320


def test_temporaries_share_memory_unless_they_are_kept(backend: OpenCLBackend) -> None:
    plan, memory, _ = chain(backend, 16)
    n_each = n_packed = 4 * 16 * 16

    shared, kept = backend.bind(plan, memory), backend.bind(plan, memory, keep=True)

    assert (shared.n_bytes, kept.n_bytes) == (n_packed + 2 * n_each, n_packed + 3 * n_each)


def test_error_while_binding_names_operator_and_module(backend: OpenCLBackend) -> None:
    x = dense(Storage(4, "input"), spec((1,), "int32"))
    plan = Plan((Call("exp", (x,), (x,), where="mlp.2"),), (x,))

    with pytest.raises(BackendError, match=r"exp: int32\(1\) -> int32\(1\) at mlp\.2.*cast first"):
        backend.bind(plan, {x.storage: backend.alloc(4)})


def test_memory_of_another_backend_is_refused(backend: OpenCLBackend) -> None:
    x = dense(Storage(4, "input", "weights"), spec((1,), "float32"))

    with pytest.raises(BackendError, match=r"takes a buffer, got array"):
        backend.launch(Call("neg", (x,), (x,)), {x.storage: np.zeros(1, "f4")})


def test_fault_reported_while_waiting_names_the_latest_call(backend: OpenCLBackend) -> None:
    x = dense(Storage(4, "input"), spec((1,), "float32"))
    backend.launch(Call("neg", (x,), (x,), where="last"), {x.storage: backend.alloc(4)})
    freed = backend.alloc(64)
    backend.sync()

    def fail() -> None:
        import pyopencl

        pyopencl.Buffer(backend.runtime.context, pyopencl.mem_flags.READ_WRITE, 1 << 62)

    with pytest.raises(BackendError, match=r"neg.* at last\): the device reported"):
        backend.runtime.wait(fail)
    backend.write(freed, memoryview(b"still works"))


def test_kernel_of_a_plugin_gets_operands(backend: OpenCLBackend) -> None:
    seen = []

    def bind(call: Call, inputs: Any, outputs: Any) -> Any:
        return lambda: seen.append((call.op, inputs[0].shape, outputs[0].strides))

    x = dense(Storage(24, "input"), spec((2, 3), "float32"))
    with kernels.register("swish", "OpenCL", bind):
        backend.launch(Call("swish", (x,), (x,)), {x.storage: backend.alloc(24)})

    assert seen == [("swish", (2, 3), (3, 1))]
