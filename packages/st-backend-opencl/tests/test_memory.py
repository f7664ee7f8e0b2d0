"""Buffers and copies: ranges, the pool, and the end of the device's memory."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from st.backend.opencl import Device, OpenCLBackend
from st.backend.opencl.memory import MAX_STAGED, BufferRangeError
from st.core.backend import BackendMemoryError

RANGES = {"behind the end": (4096, 4), "too long": (0, 4097), "before the start": (-1, 4)}


@pytest.mark.parametrize(("offset", "n_bytes"), RANGES.values(), ids=RANGES)
def test_copy_beyond_a_buffer_is_refused(backend: OpenCLBackend, offset: int, n_bytes: int) -> None:
    buffer = backend.alloc(64)

    with pytest.raises(BufferRangeError, match=f"write of {n_bytes:,} bytes at {offset:,} in"):
        backend.write(buffer, memoryview(bytes(n_bytes)), offset)
    with pytest.raises(BufferRangeError, match=f"read of {n_bytes:,} bytes at {offset:,} in"):
        backend.read(buffer, memoryview(bytearray(n_bytes)), offset)


def test_read_into_memory_with_gaps_is_refused(backend: OpenCLBackend) -> None:
    gaps = np.zeros((4, 4), "f4")[:, ::2]

    with pytest.raises(BufferRangeError, match="without gaps, in C order"):
        backend.read(backend.alloc(64), gaps.data)


@pytest.mark.parametrize("n_bytes", [1, 4, 7, 8, 100, 128, 4096])
def test_writes_of_every_size_keep_their_order(backend: OpenCLBackend, n_bytes: int) -> None:
    buffer = backend.alloc(n_bytes)
    got = bytearray(n_bytes)

    for value in range(10):
        backend.write(buffer, memoryview(bytes([value]) * n_bytes))
    backend.read(buffer, memoryview(got))

    assert got == bytes([9]) * n_bytes


def test_strided_data_is_written_in_c_order(backend: OpenCLBackend) -> None:
    x = np.arange(12, dtype="f4").reshape(3, 4)
    buffer = backend.alloc(48)
    got = np.empty((4, 3), "f4")

    backend.write(buffer, x.T.data)
    backend.read(buffer, got.data)

    assert np.array_equal(got, x.T)


def test_freed_memory_is_used_again(device: Device) -> None:
    backend = OpenCLBackend(device)
    for _ in range(50):
        backend.alloc(1 << 20)
    gc.collect()

    assert backend.runtime.memory.n_active == 0
    assert backend.runtime.memory.n_held < 4 << 20


def test_freeing_what_the_pool_holds_gives_it_back(device: Device) -> None:
    backend = OpenCLBackend(device)
    backend.alloc(1 << 20)
    gc.collect()

    backend.runtime.memory.free_held()

    assert backend.runtime.memory.n_held == 0


def test_allocation_beyond_the_limit_says_what_is_held(device: Device) -> None:
    backend = OpenCLBackend(replace(device, n_bytes_limit=1 << 20))
    kept = backend.alloc(100_000)

    with pytest.raises(BackendMemoryError, match=r"no room for 2,000,000 bytes") as caught:
        backend.alloc(2_000_000)

    assert caught.value.held >= 100_000
    assert caught.value.limit == 1 << 20
    backend.write(kept, memoryview(bytes(100_000)))


def test_host_copies_that_wait_are_bounded(backend: OpenCLBackend) -> None:
    buffer = backend.alloc(MAX_STAGED // 4)
    data = memoryview(bytes(MAX_STAGED // 4))

    for _ in range(10):
        backend.write(buffer, data)

    assert backend.runtime.memory.n_staged <= MAX_STAGED
