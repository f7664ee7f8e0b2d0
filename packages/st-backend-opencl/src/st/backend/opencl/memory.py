"""Device memory: pooled buffers, and copies between them and the host.

Fresh memory costs three to four times what filling it costs (page faults), so freed buffers stay
in a pool. All work goes through one in-order queue, so a buffer may be handed out again while
kernels that use it are still queued: what its next owner does comes after them.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any

import numpy as np

from st.backend.opencl.device import Device
from st.core import StError
from st.core.backend import BackendMemoryError

FILL_SIZES = frozenset({1, 2, 4, 8, 16, 32, 64, 128})
"""Sizes OpenCL writes from a copy made at the call, without waiting for the queue."""

MAX_STAGED = 64 << 20
"""Bytes of host copies that may wait for the queue before a write waits as well."""


class BufferRangeError(StError, ValueError):
    """A copy would touch bytes that its buffer does not have."""


class Memory:
    """Allocations of one device. Safe to use from any thread.

    Args:
        backend: Name of the backend, for errors.
        device: Whose memory it is.
        queue: The in-order `pyopencl.CommandQueue` everything goes through.
    """

    def __init__(self, backend: str, device: Device, queue: Any) -> None:
        import pyopencl.tools

        self._backend = backend
        self._device = device
        self._queue = queue
        self._pool = pyopencl.tools.MemoryPool(pyopencl.tools.ImmediateAllocator(queue))
        self._staged: deque[tuple[Any, int]] = deque()
        self.n_staged = 0
        """Bytes of host copies that wait for the queue."""
        self._lock = Lock()

    @property
    def n_active(self) -> int:
        """Bytes in buffers somebody holds."""
        return int(self._pool.active_bytes)

    @property
    def n_held(self) -> int:
        """Bytes taken from the device, in use or kept for reuse."""
        return int(self._pool.managed_bytes)

    def alloc(self, nbytes: int) -> Any:
        """Return an uninitialised buffer; it goes back to the pool with its last reference.

        When the device has no room, everything the pool keeps is given back and it is tried once
        more.

        Raises:
            BackendMemoryError: There is still no room.
        """
        import pyopencl as cl

        if nbytes > self._device.n_bytes_limit:
            raise self._no_room(nbytes, self._device.n_bytes_limit)
        try:
            return self._pool.allocate(nbytes)
        except cl.MemoryError:
            self.free_held()
        try:
            return self._pool.allocate(nbytes)
        except cl.MemoryError as error:
            raise self._no_room(nbytes, self._device.n_bytes) from error

    def free_held(self) -> None:
        """Give back to the device what the pool keeps for reuse."""
        self._queue.finish()
        self._pool.free_held()

    def write(self, buffer: Any, data: memoryview, offset: int = 0) -> None:
        """Queue a copy of `data` to the buffer at byte `offset`; `data` may change at once."""
        import pyopencl as cl

        nbytes = data.nbytes
        _check_range("write", buffer, nbytes, offset)
        if nbytes == 0:
            return
        copied = np.frombuffer(bytes(data), np.uint8)
        if nbytes in FILL_SIZES and offset % nbytes == 0:
            cl.enqueue_fill_buffer(self._queue, buffer, copied, offset, nbytes)
            return
        # The event keeps the copy alive, and waits when it is dropped: so it is dropped late.
        event = cl.enqueue_copy(self._queue, buffer, copied, dst_offset=offset, is_blocking=False)
        with self._lock:
            self._staged.append((event, nbytes))
            self.n_staged += nbytes
            is_full = self.n_staged > MAX_STAGED
        if is_full:
            self.sync()

    def read(self, buffer: Any, out: memoryview, offset: int = 0) -> None:
        """Wait for queued work and copy bytes from byte `offset` of the buffer to `out`."""
        import pyopencl as cl

        _check_range("read", buffer, out.nbytes, offset)
        if out.nbytes:
            if not out.c_contiguous or out.readonly:
                raise BufferRangeError("read into writable memory without gaps, in C order")
            cl.enqueue_copy(self._queue, out, buffer, src_offset=offset, is_blocking=True)
        self.sync()

    def sync(self) -> None:
        """Wait for queued work and let go of the host copies it needed."""
        with self._lock:
            staged, self._staged, self.n_staged = self._staged, deque(), 0
        self._queue.finish()
        staged.clear()

    def _no_room(self, asked: int, limit: int) -> BackendMemoryError:
        return BackendMemoryError(
            backend=self._backend, asked=asked, held=self.n_active, limit=limit
        )


def _check_range(what: str, buffer: Any, nbytes: int, offset: int) -> None:
    """Refuse what would leave the buffer; it may be a little larger than was asked for."""
    room = buffer.size
    if offset < 0 or offset + nbytes > room:
        raise BufferRangeError(
            f"{what} of {nbytes:,} bytes at {offset:,} in a buffer of {room:,} bytes"
        )
