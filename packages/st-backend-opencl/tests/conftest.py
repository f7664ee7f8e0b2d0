"""One device for all tests, used twice: as what it is, and with the parameters of a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.backend.opencl import BinaryCache, Device, OpenCLBackend, choose, find_devices
from st.core.backend import Call, Const, Storage, View, dense, spec

ULPS = {"float32": 2.0**-23, "float64": 2.0**-52}
"""Distance of 1.0 to the next number."""

Array = NDArray[Any]


class Runner:
    """Runs single calls on NumPy arrays; strided arrays become strided views."""

    def __init__(self, backend: OpenCLBackend) -> None:
        self.backend = backend

    def __call__(
        self, op: str, *inputs: Array | Const, shape: tuple[int, ...], dtype: str, **attrs: Any
    ) -> Array:
        """Return what `op` gives, as an array of `shape` and `dtype`."""
        memory: dict[Storage, Any] = {}
        given = tuple(x if isinstance(x, Const) else self.view(x, memory) for x in inputs)
        made = spec(shape, dtype)
        storage = Storage(made.nbytes, "output", "out")
        memory[storage] = self.backend.alloc(made.nbytes)
        call = Call(op, given, (dense(storage, made),), tuple(attrs.items()))
        self.backend.launch(call, memory)
        return self.fetch(memory[storage], shape, dtype)

    def view(self, x: Array, memory: dict[Storage, Any]) -> View:
        """Put the memory under `x` on the device and return `x` as a view of it."""
        whole = x
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        storage = Storage(whole.nbytes, "input", "x")
        memory[storage] = self.backend.alloc(whole.nbytes)
        self.backend.write(memory[storage], memoryview(whole.tobytes(order="A")))
        start = x.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        strides = tuple(step // x.itemsize for step in x.strides)
        return View(storage, spec(x.shape, x.dtype.name), strides, start // x.itemsize)

    def fetch(self, buffer: Any, shape: tuple[int, ...], dtype: str) -> Array:
        """Return a copy of device memory."""
        made = np.empty(shape, dtype)
        self.backend.read(buffer, memoryview(made.reshape(-1).view(np.uint8)))
        return made


@pytest.fixture(scope="session")
def device() -> Device:
    return choose(find_devices())


@pytest.fixture(scope="session")
def backend(device: Device) -> OpenCLBackend:
    return OpenCLBackend(device)


@pytest.fixture(scope="session", params=["cpu", "gpu"])
def run(request: pytest.FixtureRequest, device: Device) -> Runner:
    """Run with the kernels of either class, whatever the device is."""
    return Runner(OpenCLBackend(replace(device, kind=request.param)))


@pytest.fixture
def cold(device: Device, tmp_path: Path) -> Iterator[OpenCLBackend]:
    """A backend that has built nothing and whose cache is empty."""
    return OpenCLBackend(device, cache=BinaryCache(tmp_path / "programs"))


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(20)
