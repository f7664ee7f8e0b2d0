"""One device at work: context, queue, memory and programs, and how a kernel is launched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from threading import local
from typing import Any

import numpy as np
import pyopencl as cl

from st.backend.opencl.cache import BinaryCache, default_directory
from st.backend.opencl.device import Device
from st.backend.opencl.memory import Memory
from st.backend.opencl.program import BuildError, Programs
from st.backend.opencl.source import GPU_GROUP, KernelSource
from st.core.backend import DTYPES, BackendError, Call, Const, dense_strides

GROUPS_PER_UNIT = 8
"""Shares for each thread of a CPU, so that runtimes can balance them (measured on PoCL)."""

MOST_GROUPS = 4096
"""Work-groups along the rows on GPUs; each walks its share of them."""

LEAST_SHARE = 4096
"""Elements below which a share of work is not worth a thread's waking up."""


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """A view as kernels take it. Offset and strides count elements."""

    buffer: Any
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie in C order without gaps (axes of length 1 do not count)."""
        wanted = dense_strides(self.shape)
        return all(
            n == 1 or given == step
            for n, given, step in zip(self.shape, self.strides, wanted, strict=True)
        )


class Launch:
    """One kernel with its arguments, ready to be enqueued again and again.

    OpenCL keeps no reference to a kernel's arguments, so this does.
    """

    __slots__ = ("_call", "_enqueue", "_kept", "_runtime")

    def __init__(
        self, runtime: Runtime, call: Call, enqueue: Callable[[], object], kept: Sequence[Any]
    ) -> None:
        self._runtime = runtime
        self._call = call
        self._enqueue = enqueue
        self._kept = tuple(kept)

    def __call__(self) -> None:
        """Enqueue the kernel."""
        self._runtime.last_call = self._call
        try:
            self._enqueue()
        except cl.Error as error:
            raise self._runtime.error(f"cannot be enqueued: {error}", self._call) from error


class Runtime:
    """Everything that belongs to one device in use. Safe to use from any thread.

    Args:
        backend: Name of the backend, for errors.
        device: The device.
        cache: Where built programs are kept; the user's cache directory unless given.
    """

    def __init__(self, backend: str, device: Device, cache: BinaryCache | None = None) -> None:
        self.backend = backend
        self.device = device
        self.context = cl.Context([device.handle])
        self.queue = cl.CommandQueue(self.context)
        self.memory = Memory(backend, device, self.queue)
        self.programs = Programs(device, self.context, cache or BinaryCache(default_directory()))
        self.last_call: Call | None = None
        """The latest call enqueued, for faults that show only while waiting."""
        self._asked = local()
        self._constants: dict[tuple[str, bytes], Any] = {}

    @property
    def lanes(self) -> int:
        """Elements a work-item handles at once; W in the kernels."""
        return 16 if self.device.kind == "cpu" else 1

    def error(self, reason: str, call: Call) -> BackendError:
        """Return the error that says what is wrong with `call`."""
        return BackendError(reason, call=call, backend=self.backend)

    def wait(self, action: Callable[[], object]) -> None:
        """Do `action`, which waits for the queue; pending faults come out as `BackendError`."""
        try:
            action()
        except cl.Error as error:
            if self.last_call is None:
                raise
            raise self.error(
                f"the device reported {error} at or before this call", self.last_call
            ) from error

    def constant(self, const: Const, shape: tuple[int, ...]) -> Operand:
        """Return a constant as an operand broadcast to `shape`; equal ones share memory."""
        value = np.asarray(const.value).astype(const.spec.dtype)
        key = (const.spec.dtype, value.tobytes())
        buffer = self._constants.get(key)
        if buffer is None:
            buffer = self.memory.alloc(DTYPES[const.spec.dtype])
            self.memory.write(buffer, memoryview(key[1]))
            buffer = self._constants.setdefault(key, buffer)
        return Operand(buffer, const.spec.dtype, shape, (0,) * len(shape))

    @property
    def n_temporary(self) -> int:
        """Bytes of temporaries that this thread has asked for so far."""
        return int(self._asked.__dict__.get("n_bytes", 0))

    def temporary(self, shape: Sequence[int], dtype: str) -> Operand:
        """Return uninitialised dense memory that lives as long as the launches that use it."""
        self._asked.n_bytes = self.n_temporary + prod(shape) * DTYPES[dtype]
        buffer = self.memory.alloc(prod(shape) * DTYPES[dtype])
        return Operand(buffer, dtype, tuple(shape), dense_strides(shape))

    def launch(
        self,
        call: Call,
        source: KernelSource,
        arguments: Sequence[Any],
        groups: tuple[int, ...],
    ) -> Launch:
        """Return a launch of a kernel.

        Args:
            call: What it is for.
            source: The kernel.
            arguments: One for each parameter of `source`: buffers, integers, and sequences of
                integers. They are checked here, since drivers crash on wrong ones.
            groups: Shares of work along each dimension (GPUs: work-items along dimension 0).

        Raises:
            BackendError: The kernel does not build, or an argument is not what it takes.
        """
        try:
            kernel = self.programs.kernel(source)
        except BuildError as error:
            raise self.error(str(error), call) from error
        if len(arguments) != len(source.parameters):
            raise self.error(
                f"kernel {source.name!r} takes {len(source.parameters)} arguments, "
                f"got {len(arguments)}",
                call,
            )
        for n, (parameter, argument) in enumerate(zip(source.parameters, arguments, strict=True)):
            kernel.set_arg(n, self._argument(call, source, parameter, argument))
        local: tuple[int, ...] = (1,) * len(groups)
        if self.device.kind == "gpu":
            local = (GPU_GROUP, *local[1:])
            groups = (-(-groups[0] // GPU_GROUP) * GPU_GROUP, *groups[1:])
        run = partial(cl.enqueue_nd_range_kernel, self.queue, kernel, groups, local)
        return Launch(self, call, run, arguments)

    def spread(self, n_rows: int, n_columns: int) -> tuple[int, int]:
        """Return into how many shares to split the columns (in lanes) and the rows of a space."""
        size = n_rows * n_columns
        row_shares = self.shares(n_rows, size)
        column_shares = self.shares(-(-n_columns // self.lanes), size)
        if self.device.kind == "gpu":
            return column_shares, min(row_shares, MOST_GROUPS)
        return max(1, column_shares // row_shares), row_shares

    def shares(self, n_items: int, n_elements: int) -> int:
        """Return into how many shares to split `n_items` things of `n_elements` in all."""
        if self.device.kind == "gpu":
            return max(1, n_items)
        wanted = min(n_elements // LEAST_SHARE, self.device.n_units * GROUPS_PER_UNIT)
        return max(1, min(n_items, wanted))

    def _argument(self, call: Call, source: KernelSource, parameter: str, argument: Any) -> Any:
        if parameter == "buffer" and isinstance(argument, cl.MemoryObjectHolder):
            return argument
        if parameter == "long" and isinstance(argument, int):
            return np.int64(argument)
        if parameter in ("long4", "long8") and isinstance(argument, tuple):
            length = int(parameter.removeprefix("long"))
            if len(argument) <= length and all(isinstance(x, int) for x in argument):
                return np.array(argument + (0,) * (length - len(argument)), np.int64)
        if parameter in DTYPES and isinstance(argument, bool | int | float):
            return np.asarray(argument).astype(parameter)[()]
        raise self.error(f"kernel {source.name!r} takes a {parameter}, got {argument!r}", call)
