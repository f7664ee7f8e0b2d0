"""Measures with a given number of threads and prints a line of JSON for each figure.

python opencl_worker.py compare|start THREADS
"""

import ctypes
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from opencl_plans import Bound, queued_us
from threadpoolctl import threadpool_limits

from st.backend.opencl import OpenCLBackend, choose, find_devices
from st.core.backend import spec
from st.nn import ops

ROUNDS = 15
LEAST_S = 0.02
SIZES = (256, 512, 1024)
CLBLAST_SIZES = (256, 1024)
N_THREADS = int(sys.argv[2])
CLOCK = time.process_time if N_THREADS == 1 else time.perf_counter
KIND = "one thread, processor time" if N_THREADS == 1 else f"{N_THREADS} threads, clock"

Work = Callable[[], object]


def tell(title: str, values: dict[str, float], unit: str) -> None:
    """Print one figure."""
    print(json.dumps({"title": f"{title}; {KIND}", "values": values, "unit": unit}), flush=True)


def against(title: str, ours: Work, theirs: Work, must: float, aim: float) -> None:
    """Time both in turn and tell how often ours runs while theirs runs once."""
    numbers = {work: calls(work) for work in (ours, theirs)}
    found = []
    for n in range(ROUNDS):
        took = {}
        for work in (ours, theirs) if n % 2 else (theirs, ours):
            start = CLOCK()
            for _ in range(numbers[work]):
                work()
            took[work] = (CLOCK() - start) / numbers[work]
        found.append(took[theirs] / took[ours])
    low, high = (float(np.percentile(found, q)) for q in (10, 90))
    median = statistics.median(found)
    tell(title, {"median": median, "low": low, "high": high, "must": must, "aim": aim}, "x")


def calls(work: Work) -> int:
    """Return how many calls take long enough for the clock, after two to warm up."""
    work()
    start = time.perf_counter()
    work()
    return max(1, int(LEAST_S / (time.perf_counter() - start)))


def compare() -> None:
    """Tell every figure there is a peer for."""
    backend = OpenCLBackend(choose(find_devices()))
    random = np.random.default_rng(3)
    with threadpool_limits(N_THREADS):
        products(backend, random)
        chain(backend, random)
        if find_spec("torch") is not None:
            beside_torch(backend, random)
    tell("host time of a queued launch", {"median": queued_us(backend), "must": 4.0}, "µs")


def products(backend: Any, random: np.random.Generator) -> None:
    """Square products beside OpenBLAS, packing included, and CLBlast."""
    must, aim = (0.9, 1.0) if N_THREADS == 1 else (0.75, 0.95)
    for n in SIZES:
        a, b = (random.standard_normal((n, n), dtype=np.float32) for _ in range(2))
        out = np.empty_like(a)
        ours = Bound(backend, lambda x, y: [ops.matmul(x, y)], a, b)
        np.testing.assert_allclose(ours.result(), a @ b, rtol=1e-3, atol=1e-3)
        title = f"speed of a product over OpenBLAS's, n = {n}"
        against(title, ours, lambda a=a, b=b, out=out: np.matmul(a, b, out=out), must, aim)
        if n in CLBLAST_SIZES and (theirs := clblast(backend, a, b)) is not None:
            against(f"speed of a product over CLBlast's, n = {n}", ours, theirs, 5.0, 5.0)


def clblast(backend: Any, a: Any, b: Any) -> Work | None:
    """Return CLBlast's product on the same device, or None where it is not installed."""
    try:
        library = ctypes.CDLL("libclblast.so.1")
    except OSError:
        return None
    runtime, n = backend.runtime, len(a)
    buffers = [runtime.memory.alloc(a.nbytes) for _ in range(3)]
    for buffer, x in zip(buffers, (a, b), strict=False):
        runtime.memory.write(buffer, memoryview(x.tobytes()))
    pointer, size, real = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_float
    product = library.CLBlastSgemm
    matrix = [pointer, size, size]
    product.argtypes = [
        *(ctypes.c_int,) * 3, *(size,) * 3, real, *matrix, *matrix, real, *matrix, pointer, pointer
    ]  # fmt: skip
    queue = pointer(runtime.queue.int_ptr)
    left, right, made = (buffer.int_ptr for buffer in buffers)

    def run() -> None:
        places = (left, 0, n, right, 0, n, 0.0, made, 0, n)
        code = product(101, 111, 111, n, n, n, 1.0, *places, ctypes.byref(queue), None)
        if code:
            raise RuntimeError(f"CLBlast gave {code}")
        runtime.queue.finish()

    return run


def chain(backend: Any, random: np.random.Generator) -> None:
    """Six operations on a million floats in one launch, beside a copy and NumPy."""
    x, y = (random.standard_normal(1 << 20, dtype=np.float32) for _ in range(2))
    ours = Bound(backend, lambda x, y: [(((x * y + x) * 0.5 - y) * x) + 1.0], x, y)
    copy = Bound(backend, lambda x: [x], x)
    out = np.empty_like(x)

    def numpy() -> None:
        np.multiply(x, y, out=out)
        np.add(out, x, out=out)
        np.multiply(out, 0.5, out=out)
        np.subtract(out, y, out=out)
        np.multiply(out, x, out=out)
        np.add(out, 1.0, out=out)

    # Three words move where a copy moves two.
    against("1.5 copies over a fused chain, 1M", ours, copy, 0.95 / 1.5, 1.0 / 1.5)
    against("NumPy's time over a fused chain's, 1M", ours, numpy, 4.0, 4.0)


def beside_torch(backend: Any, random: np.random.Generator) -> None:
    """Convolution, softmax, layer norm, GELU, sum and Adam beside PyTorch."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(N_THREADS)
    must, aim = (0.9, 1.0) if N_THREADS == 1 else (0.65, 0.95)
    images = random.standard_normal((8, 56, 56, 64), dtype=np.float32)
    kernel = random.standard_normal((3, 3, 64, 64), dtype=np.float32)
    filters = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
    nchw = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    last = torch.channels_last
    layouts = {
        "": (nchw, filters),
        ", channels last": (nchw.to(memory_format=last), filters.to(memory_format=last)),
    }
    ours = Bound(backend, lambda x, k: [ops.conv2d(x, k, padding=1)], images, kernel)
    exact = functional.conv2d(nchw, filters, padding=1).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(ours.result(), exact, rtol=1e-2, atol=1e-2)
    for name, given in layouts.items():
        title = f"speed of a 3x3 convolution over oneDNN's, 8x56x56x64{name}"
        against(title, ours, lambda g=given: functional.conv2d(*g, padding=1), must, aim)

    table = random.standard_normal((4096, 1024), dtype=np.float32)
    rows, ones, zeros = (
        torch.from_numpy(z) for z in (table, np.ones(1024, "f4"), np.zeros(1024, "f4"))
    )
    soft = Bound(backend, lambda x: [ops.softmax(x)], table)
    against(
        "PyTorch's softmax over ours, 4096x1024", soft, lambda: rows.softmax(-1), 1 / 0.7, 1 / 0.65
    )
    norm = Bound(
        backend, lambda x, s, b: [ops.layer_norm(x, s, b)], table, ones.numpy(), zeros.numpy()
    )
    theirs = lambda: functional.layer_norm(rows, (1024,), ones, zeros)  # noqa: E731
    against("PyTorch's layer norm over ours, 4096x1024", norm, theirs, 1.0, 1.0)
    million = random.standard_normal(1 << 20, dtype=np.float32)
    bent, flat = (
        Bound(backend, lambda x: [ops.gelu(x, approximate="tanh")], million),
        torch.from_numpy(million),
    )
    gelu = lambda: functional.gelu(flat, approximate="tanh")  # noqa: E731
    against("PyTorch's GELU over ours, 1M", bent, gelu, 1 / 0.25, 1 / 0.2)
    many = random.standard_normal(1 << 24, dtype=np.float32)
    total, all_of = Bound(backend, lambda x: [ops.sum(x)], many), torch.from_numpy(many)
    against("PyTorch's sum over ours, 16M", total, all_of.sum, 1 / 1.1, 1.0)
    adam(backend, random, torch)


def adam(backend: Any, random: np.random.Generator, torch: Any) -> None:
    """One Adam step over four million parameters in one vector."""
    from st.nn import Adam

    size, optimizer = 1 << 22, Adam()
    vectors = [random.random(size, dtype=np.float32) for _ in range(4)]
    scalars = np.array(optimizer.scalars(5, 1e-3), np.float32)

    def update(p: Any, g: Any, first: Any, second: Any, s: Any) -> None:
        state = {"sum": first, "square_sum": second}
        optimizer.update(p, g, state, [s[n] for n in range(len(scalars))])

    ours = Bound(backend, update, *vectors, scalars)
    parameter = torch.from_numpy(vectors[0].copy()).requires_grad_()
    parameter.grad = torch.from_numpy(vectors[1].copy())
    theirs = torch.optim.Adam([parameter], lr=1e-3, fused=True)
    against("PyTorch's fused Adam over ours, 4M", ours, theirs.step, 1 / 0.95, 1 / 0.95)


def start() -> None:
    """Tell how long the programs of a training step take to load when they are in the cache."""
    from st.nn import (
        Adam,
        Conv2d,
        CrossEntropy,
        Flatten,
        Linear,
        MaxPool2d,
        Model,
        Relu,
        TrainingStep,
    )

    modules = [
        *(Conv2d(out_channels=16, padding=1), Relu(), Conv2d(out_channels=32, padding=1), Relu()),
        *(MaxPool2d(), Flatten(), Linear(out_features=10)),
    ]
    model = Model([(str(n), each) for n, each in enumerate(modules)], spec((8, 8, 1), "float32"))
    first = model.initialise(0)
    device = choose(find_devices())
    backend = OpenCLBackend(device)
    TrainingStep(model, CrossEntropy(), Adam(), backend, 32, first)
    sources, fresh = backend.runtime.programs.sources, OpenCLBackend(device).runtime.programs
    began = time.perf_counter()
    for source in sources:
        fresh.kernel(source)
    took = (time.perf_counter() - began) * 1e3
    title = f"start of the {len(sources)} programs of a CNN's training step from the cache"
    tell(title, {"median": took, "must": 60.0}, "ms")


if __name__ == "__main__":
    sys.path.insert(0, __file__.rpartition("/")[0])
    {"compare": compare, "start": start}[sys.argv[1]]()
