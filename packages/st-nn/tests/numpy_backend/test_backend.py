"""What only the NumPy backend promises: alignment, threads, memory, overwriting."""

import numpy as np
import pytest

from st.core import Registry
from st.core.backend import Call, Const, Plan, Storage, View, dense, kernels, spec
from st.nn.numpy_backend import NumPyBackend
from st.nn.numpy_backend.memory import ALIGNMENT, allocate
from st.nn.numpy_backend.overwrite import overwritten
from st.nn.numpy_backend.threads import PARALLEL_FROM, BlasThreads, is_large

F32 = "float32"


def temp(*shape: int) -> View:
    of = spec(shape, F32)
    return dense(Storage(of.nbytes, "temp"), of)


@pytest.mark.parametrize("n_bytes", [1, 63, 64, 4097])
def test_memory_is_aligned(n_bytes: int) -> None:
    memory = allocate(n_bytes)

    assert memory.nbytes == n_bytes
    assert memory.ctypes.data % ALIGNMENT == 0


def test_plugin_offers_the_backend_by_capability(registry: Registry) -> None:
    from st.core import PluginCapability

    (handle,) = registry.find_by_capability(PluginCapability.Backend("numpy"), activate=True)
    backend = registry.get_service("backend.numpy")

    assert handle.id == "numpy"
    assert backend.name == "NumPy"
    assert backend.description.startswith("NumPy, ")


def test_unloading_the_plugin_gives_blas_its_threads_back(registry: Registry) -> None:
    before = BlasThreads().limit
    registry.load("numpy")
    registry.get_service("backend.numpy").threads.use(1)

    registry.unregister("numpy")

    assert BlasThreads().limit == before


def test_small_products_run_on_one_thread() -> None:
    backend = NumPyBackend()
    x, y, z = temp(4, 5), temp(5, 6), temp(4, 6)

    backend.bind(Plan((Call("matmul", (x, y), (z,)),), ()), {}).run()

    assert backend.threads.current == 1
    backend.threads.restore()


def test_large_product_takes_all_threads_and_gives_them_back() -> None:
    backend = NumPyBackend()
    seen: list[int] = []
    backend.binders = {
        **backend.binders,
        "matmul": lambda call, inputs, outputs: lambda: seen.append(backend.threads.current),
    }
    n = round(PARALLEL_FROM ** (1 / 3)) + 1
    x, y, small = temp(n, n), temp(n, n), temp(2, 2)
    calls = [Call("matmul", (x, x), (y,)), Call("matmul", (small, small), (temp(2, 2),))]

    backend.bind(Plan(tuple(calls), ()), {}).run()

    assert seen == [backend.threads.limit, 1]
    backend.threads.restore()


def test_size_of_a_product_decides_about_threads() -> None:
    n = round(PARALLEL_FROM ** (1 / 3)) + 1

    assert is_large(Call("matmul", (temp(n, n), temp(n, n)), (temp(n, n),)))
    assert not is_large(Call("matmul", (temp(n, 1), temp(1, n)), (temp(n, n),)))
    assert not is_large(Call("add", (temp(n, n), temp(n, n)), (temp(n, n),)))


def test_kernel_of_a_plugin_is_used() -> None:
    backend = NumPyBackend()
    x = dense(Storage(12, "state"), spec((3,), F32))
    memory = {x.storage: backend.alloc(12)}
    call = Call("test_twice", (x,), (x,))
    backend.write(memory[x.storage], memoryview(np.ones(3, np.float32).tobytes()))

    with kernels.register(
        "test_twice",
        "numpy",
        lambda call, inputs, outputs: lambda: np.add(inputs[0], inputs[0], outputs[0]),
    ):
        backend.launch(call, memory)

    got = np.empty(3, np.float32)
    backend.read(memory[x.storage], memoryview(got).cast("B"))
    np.testing.assert_array_equal(got, [2, 2, 2])
    assert not backend.supports(call)


def test_result_overwrites_an_operand_that_dies() -> None:
    x, y, z = temp(3), temp(3), temp(3)
    calls = [
        Call("copy", (Const(1.0, spec((), F32)),), (x,)),
        Call("exp", (x,), (y,)),
        Call("neg", (y,), (z,)),
    ]

    made = overwritten(calls)

    assert {call.outputs[0].storage for call in made} == {x.storage}


def test_operand_that_is_used_again_is_not_overwritten() -> None:
    x, y, z = temp(3), temp(3), temp(3)
    calls = [Call("exp", (x,), (y,)), Call("add", (x, y), (z,))]

    made = overwritten(calls)

    assert made[0].outputs[0].storage is y.storage
    assert made[1].outputs[0].storage is x.storage


def test_operand_seen_in_two_ways_is_not_overwritten() -> None:
    x, y = temp(3, 3), temp(3, 3)
    turned = View(x.storage, x.spec, (1, 3))

    (made,) = overwritten([Call("add", (x, turned), (y,))])

    assert made.outputs == (y,)


def test_part_of_a_storage_is_not_overwritten() -> None:
    whole, y = temp(6), temp(3)
    part = dense(whole.storage, y.spec)

    (made,) = overwritten([Call("exp", (part,), (y,))])

    assert made.outputs == (y,)


def test_floating_warnings_stay_inside() -> None:
    backend = NumPyBackend()
    x, y = temp(2), dense(Storage(8, "output"), spec((2,), F32))
    calls = (Call("copy", (Const(0.0, spec((), F32)),), (x,)), Call("log", (x,), (y,)))
    memory = {y.storage: backend.alloc(8)}

    backend.bind(Plan(calls, (y,)), memory).run()

    assert (memory[y.storage].view(np.float32) == -np.inf).all()
