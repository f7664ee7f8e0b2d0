"""The backend: calls bound to launches on one OpenCL device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Lock
from time import perf_counter_ns

from st.backend.opencl import (
    conv,
    elementwise,
    expression,
    fused,
    index,
    matmul,
    order,
    random,
    reduce,
)
from st.backend.opencl.cache import BinaryCache
from st.backend.opencl.device import Device
from st.backend.opencl.groups import Group, group, inner_temporaries
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.core.backend import (
    Binder,
    BoundPlan,
    Buffer,
    Call,
    Const,
    OperationTopic,
    Plan,
    Storage,
    TableBackend,
    Trace,
    View,
    lifetimes,
    share,
)

Bind = Callable[[Runtime, Call, tuple[Operand, ...], tuple[Operand, ...]], list[Launch]]

BINDS: Mapping[str, Bind] = {
    **dict.fromkeys(elementwise.OPERATORS, elementwise.bind),
    "sum": reduce.bind,
    "max": reduce.bind,
    "argmax": reduce.bind_argmax,
    "argsort": order.bind,
    "philox": random.bind,
    "conv2d": conv.bind,
    "conv2d_input_gradient": conv.bind_input_gradient,
    "conv2d_kernel_gradient": conv.bind_kernel_gradient,
    "overlap_add": conv.bind_overlap_add,
    "matmul": matmul.bind,
    "take": index.bind_take,
    "scatter_add": index.bind_scatter_add,
}


class OpenCLPlan(BoundPlan):
    """A plan bound to device memory: a list of launches, set up once."""

    def __init__(
        self,
        runtime: Runtime,
        launches: Sequence[Callable[[], object]],
        covers: Sequence[tuple[int, ...]],
        memory: Mapping[Storage, Buffer],
        n_bytes: int,
    ) -> None:
        super().__init__(launches, covers, memory, n_bytes)
        self._wait = partial(runtime.wait, runtime.memory.sync)

    def run(self, trace: Trace | None = None) -> None:
        """Enqueue every launch.

        With `trace`, each is waited for and timed on the host, launch and wait included: that is
        what a call costs by itself, more than its share of an untraced run.
        """
        if trace is None:
            super().run()
            return
        self._wait()
        for n, launch in enumerate(self._launches):
            start = perf_counter_ns()
            launch()
            self._wait()
            trace(n, start, perf_counter_ns())


class OpenCLBackend(TableBackend):
    """Runs plans on one OpenCL device.

    Args:
        device: One of `find_devices`.
        topic: Where eager launches are told.
        cache: Where built programs are kept; the user's cache directory unless given.
    """

    name = "OpenCL"

    def __init__(
        self,
        device: Device,
        topic: OperationTopic | None = None,
        cache: BinaryCache | None = None,
    ) -> None:
        super().__init__(topic)
        self.device = device
        self.kind = device.kind
        self.description = f"OpenCL, {device.description}"
        self.binders = {op: partial(self._bind, bind) for op, bind in BINDS.items()}
        self._cache = cache
        self._runtime: Runtime | None = None
        self._lock = Lock()

    @property
    def runtime(self) -> Runtime:
        """Context, queue, memory and programs; made when first asked for."""
        if self._runtime is None:
            with self._lock:
                if self._runtime is None:
                    self._runtime = Runtime(self.name, self.device, self._cache)
        return self._runtime

    def supports(self, call: Call) -> bool:
        """See `Backend.supports`."""
        return super().supports(call) and (call.op not in conv.OPERATORS or conv.is_supported(call))

    def alloc(self, nbytes: int) -> Buffer:
        """See `Backend.alloc`. Buffers come from a pool and go back to it."""
        return self.runtime.memory.alloc(nbytes)

    def write(self, buffer: Buffer, data: memoryview, offset: int = 0) -> None:
        """See `Backend.write`. Does not wait for the queue."""
        self.runtime.wait(lambda: self.runtime.memory.write(buffer, data, offset))

    def read(self, buffer: Buffer, out: memoryview, offset: int = 0) -> None:
        """See `Backend.read`."""
        self.runtime.wait(lambda: self.runtime.memory.read(buffer, out, offset))

    def sync(self) -> None:
        """See `Backend.sync`."""
        self.runtime.wait(self.runtime.memory.sync)

    def operand(self, buffer: Buffer, view: View) -> Operand:
        """See `TableBackend.operand`."""
        return Operand(buffer, view.spec.dtype, view.spec.shape, view.strides, view.offset)

    def adopt(self, kernel: Binder | str) -> Binder:
        """See `TableBackend.adopt`; a text is an expression, see `expression.bind`."""
        if isinstance(kernel, str):
            return partial(self._bind, partial(expression.bind, kernel))
        return kernel

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> OpenCLPlan:
        """See `Backend.bind`."""
        calls = plan.calls
        groups = [Group([n]) for n in range(len(calls))] if keep else group(calls, self._is_known)
        inner = inner_temporaries(calls, groups)
        lives = lifetimes([calls[n] for n in each.calls] for each in groups)
        lives = {storage: life for storage, life in lives.items() if storage not in inner}
        slots, sizes = share(lives)
        if keep:
            slots = {storage: n for n, storage in enumerate(lives)}
            sizes = [storage.nbytes for storage in lives]
        buffers = [self.alloc(size) for size in sizes]
        whole = {**memory, **{storage: buffers[slot] for storage, slot in slots.items()}}
        n_before = self.runtime.n_temporary
        launches = [self._bind_group(calls, each, whole, inner) for each in groups]
        n_bytes = sum(sizes) + self.runtime.n_temporary - n_before
        covers = [tuple(each.calls) for each in groups]
        return OpenCLPlan(self.runtime, launches, covers, whole, n_bytes)

    def _is_known(self, call: Call) -> bool:
        return fused.is_known(call, self.name, has_float64=self.device.has_float64)

    def _bind_group(
        self,
        calls: Sequence[Call],
        each: Group,
        memory: Mapping[Storage, Buffer],
        inner: set[Storage],
    ) -> Callable[[], object]:
        if not each.is_fused:
            return self.bind_call(calls[each.calls[0]], memory)
        members = [calls[n] for n in each.calls]
        return fused.bind(
            self.runtime, members, each, lambda x: self.operand(memory[x.storage], x), inner
        )

    def _bind(
        self,
        bind: Bind,
        call: Call,
        inputs: tuple[Operand | Const, ...],
        outputs: tuple[Operand, ...],
    ) -> Callable[[], object]:
        """Bind a call with one of our functions."""
        shape = outputs[0].shape
        operands = tuple(
            self.runtime.constant(x, shape) if isinstance(x, Const) else x for x in inputs
        )
        launches = bind(self.runtime, call, operands, outputs)
        return launches[0] if len(launches) == 1 else partial(_run_all, tuple(launches))


def _run_all(launches: tuple[Launch, ...]) -> None:
    for launch in launches:
        launch()
