"""Kernels of the OpenCL backend beside NumPy with OpenBLAS, one thread each.

Both compute the same from the same operands, which is checked first. Ours are bound plans, run and
waited for, packing included. PoCL and Intel's runtime read their thread limits when they are
loaded, so run this suite in a process of its own.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "opencl"
SIZES = (64, 128, 256, 512, 1024)
N_LAUNCHES = 200
ONE_THREAD = {"POCL_MAX_PTHREAD_COUNT": "1", "CL_CONFIG_CPU_TBB_NUM_WORKERS": "1"}

Array = NDArray[Any]


class Bound:
    """One call, bound to copies of its operands; calling it runs it and waits.

    Args:
        backend: an `OpenCLBackend`.
        op: the operator.
        inputs: the operands, as they lie in memory.
        like: an array of the result's shape and dtype.
        attrs: the operator's attributes.
    """

    def __init__(self, backend: Any, op: str, *inputs: Array, like: Array, **attrs: Any) -> None:
        from st.core.backend import Call, Plan, Storage, View, dense, spec

        self._backend = backend
        memory = {}
        views = []
        for x in inputs:
            storage = Storage(x.nbytes, "input")
            memory[storage] = backend.alloc(x.nbytes)
            backend.write(memory[storage], memoryview(x.tobytes(order="A")))
            strides = tuple(step // x.itemsize for step in x.strides)
            views.append(View(storage, spec(x.shape, x.dtype.name), strides))
        out = dense(Storage(like.nbytes, "output"), spec(like.shape, like.dtype.name))
        memory[out.storage] = self._out = backend.alloc(like.nbytes)
        call = Call(op, tuple(views), (out,), tuple(attrs.items()))
        self._plan = backend.bind(Plan((call,), (out,)), memory)
        self._like = like

    def __call__(self) -> None:
        """Run and wait."""
        self._plan.run()
        self._backend.sync()

    def launch(self) -> None:
        """Enqueue only."""
        self._plan.run()

    def result(self) -> Array:
        """Run, wait and fetch."""
        self._plan.run()
        made = np.empty(self._like.shape, self._like.dtype)
        self._backend.read(self._out, memoryview(made.reshape(-1).view(np.uint8)))
        return made


def run(bench: Any) -> None:
    """Time matrix products, functions and reductions, and what a queued launch costs."""
    os.environ.update(ONE_THREAD)
    from threadpoolctl import threadpool_limits

    from st.backend.opencl import OpenCLBackend, choose, find_devices

    backend = OpenCLBackend(choose(find_devices()))
    random = np.random.default_rng(3)
    with threadpool_limits(1):
        for n in SIZES:
            products(bench, backend, random, n)
        x, y = (random.standard_normal(1 << 20, dtype=np.float32) for _ in range(2))
        against(bench, backend, "add, 1M", "add", np.add, x, y)
        against(bench, backend, "exp, 1M", "exp", np.exp, x)
        against(bench, backend, "tanh, 1M", "tanh", np.tanh, x)
        table = random.standard_normal((4096, 1024), dtype=np.float32)
        for axis in (0, 1):
            against(
                bench,
                backend,
                f"sum over axis {axis}, 4096 x 1024",
                "sum",
                lambda x, out, axis=axis: np.sum(x, axis=axis, out=out),
                table,
                axes=(axis,),
            )
        against(bench, backend, "transposed copy, 4096 x 1024", "copy", np.copyto, table.T)
    bench.record("launching", {"queued launch": queued_us(backend)}, "µs")


def products(bench: Any, backend: Any, random: np.random.Generator, n: int) -> None:
    """Time the product of square matrices, also with the second one transposed."""
    a, b = (random.standard_normal((n, n), dtype=np.float32) for _ in range(2))
    for title, right in (("A B", b), ("A Bt", b.T)):
        against(bench, backend, f"{title}, n = {n}", "matmul", np.matmul, a, right, error=1e-4)


def against(
    bench: Any,
    backend: Any,
    title: str,
    op: str,
    theirs: Callable[..., object],
    *inputs: Array,
    error: float = 1e-3,
    **attrs: Any,
) -> None:
    """Time one call beside NumPy's, which writes into memory it is given."""
    is_copy = theirs is np.copyto
    like = np.empty_like(inputs[0], order="C") if is_copy else np.asarray(theirs(*inputs, out=None))
    ours = Bound(backend, op, *inputs, like=like, **attrs)

    def numpy() -> None:
        if is_copy:
            np.copyto(like, inputs[0])
        else:
            theirs(*inputs, out=like)

    numpy()
    np.testing.assert_allclose(ours.result(), like, rtol=error, atol=error)
    bench.case(f"{title}, one thread", {"st, OpenCL": ours, "NumPy": numpy})


def queued_us(backend: Any) -> float:
    """Return what one launch of a tiny kernel costs when many are queued, the best of 20."""
    from time import perf_counter

    x = np.ones(16, np.float32)
    tiny = Bound(backend, "add", x, x, like=x)
    tiny()
    best = float("inf")
    for _ in range(20):
        start = perf_counter()
        for _ in range(N_LAUNCHES):
            tiny.launch()
        backend.sync()
        best = min(best, (perf_counter() - start) / N_LAUNCHES)
    return best * 1e6
