"""The backend object: memory, and plans bound to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from st.core.backend import (
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
    share,
)
from st.nn.numpy_backend import (
    convolution,
    elementwise,
    index,
    matmul,
    order,
    random,
    recurrent,
    reduce,
    structure,
)
from st.nn.numpy_backend.buffers import in_small_buffers, is_buffered
from st.nn.numpy_backend.elementwise import Launch
from st.nn.numpy_backend.memory import Bytes, allocate, window
from st.nn.numpy_backend.overwrite import overwritten
from st.nn.numpy_backend.strips import Group, Inner, groups, inner_temporaries, shown
from st.nn.numpy_backend.threads import BlasThreads, is_large


class NumPyBackend(TableBackend):
    """Runs calls with NumPy. Every method may be called from any thread."""

    name = "NumPy"
    kind: Literal["cpu", "gpu"] = "cpu"
    binders = {  # noqa: RUF012
        **elementwise.BINDERS,
        **reduce.BINDERS,
        **matmul.BINDERS,
        **index.BINDERS,
        **order.BINDERS,
        **random.BINDERS,
        **structure.BINDERS,
        **convolution.BINDERS,
        **recurrent.BINDERS,
    }

    def __init__(
        self, topic: OperationTopic | None = None, threads: BlasThreads | None = None
    ) -> None:
        super().__init__(topic)
        self.threads = threads or BlasThreads()
        n_threads = self.threads.limit
        self.description = f"NumPy, {n_threads} thread{'s' if n_threads > 1 else ''}"

    def alloc(self, nbytes: int) -> Bytes:
        """See `Backend.alloc`."""
        return allocate(nbytes)

    def write(self, buffer: Bytes, data: memoryview, offset: int = 0) -> None:
        """See `Backend.write`."""
        if data.nbytes:
            # Bytes to bytes takes 0.2 us; through an array of the data it was 0.5.
            buffer.data[offset : offset + data.nbytes] = data.cast("B")

    def read(self, buffer: Bytes, out: memoryview, offset: int = 0) -> None:
        """See `Backend.read`."""
        if out.nbytes:
            out.cast("B")[:] = buffer.data[offset : offset + out.nbytes]

    def borrow(self, memory: memoryview) -> Bytes:
        """See `Backend.borrow`: all host memory can be used."""
        return np.frombuffer(memory, np.uint8)

    def sync(self) -> None:
        """Do nothing: every call has run when it returns."""

    def operand(self, buffer: Bytes, view: View) -> NDArray[Any]:
        """Return `view` of `buffer` as an array."""
        return window(buffer, view)

    def supports(self, call: Call) -> bool:
        """See `Backend.supports`."""
        if call.op in convolution.BINDERS:
            return convolution.is_ours(call)
        return super().supports(call)

    def launch(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        """See `Backend.launch`."""
        self.threads.use(1)
        with np.errstate(all="ignore"):
            super().launch(call, memory)

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> BoundPlan:
        """See `Backend.bind`."""
        if keep:
            return NumPyPlan(super().bind(plan, memory, keep=True), self.threads)
        calls = overwritten(plan.calls)
        found = groups(calls, self._is_ours)
        inner, lives = inner_temporaries(calls, found)
        slots, sizes = share(lives)
        buffers = [self.alloc(size) for size in sizes]
        whole = {**memory, **{storage: buffers[slot] for storage, slot in slots.items()}}
        launches = [
            self._bind_parts(group, inner, whole)
            if group.edges
            else self.bind_call(calls[group.calls[0]], whole)
            for group in found
        ]
        covers = [group.calls for group in found]
        return NumPyPlan(BoundPlan(launches, covers, whole, sum(sizes)), self.threads)

    def _is_ours(self, call: Call) -> bool:
        return call.op in self.binders

    def _bind_parts(
        self, group: Group, inner: Mapping[Storage, Inner], memory: Mapping[Storage, Buffer]
    ) -> Launch:
        """Return one launch of all calls of a group, part by part."""
        edges = list(pairwise(group.edges))
        by_call: list[list[Launch]] = []
        for one in group.led:
            rows = one.call.outputs[0].spec.shape[0] // group.edges[-1]

            def parts(x: View | Const, rows: int = rows) -> list[Any]:
                if isinstance(x, Const):
                    return [x] * len(edges)
                view, is_anew = shown(x, group, inner)
                array = self.operand(memory[view.storage], view)
                places = ((0, stop - start) if is_anew else (start, stop) for start, stop in edges)
                return [array[start * rows : stop * rows] for start, stop in places]

            binder = self.binders[one.call.op]
            inputs = zip(*map(parts, one.call.inputs), strict=True)
            outputs = zip(*map(parts, one.call.outputs), strict=True)
            made = [binder(one.call, x, y) for x, y in zip(inputs, outputs, strict=True)]
            if is_buffered(one.call):
                made = [partial(in_small_buffers, launch) for launch in made]
            by_call.append(made)
        return partial(_each, [launch for part in zip(*by_call, strict=True) for launch in part])

    def bind_call(self, call: Call, memory: Mapping[Storage, Buffer]) -> Launch:
        """Return the launch of one call, with the threads or the small buffers that it takes."""
        launch = super().bind_call(call, memory)
        if is_large(call):
            return partial(self.threads.run, launch)
        return partial(in_small_buffers, launch) if is_buffered(call) else launch


def _each(launches: list[Launch]) -> None:
    for launch in launches:
        launch()


class NumPyPlan(BoundPlan):
    """A bound plan that runs on one BLAS thread, but for large products, without warnings."""

    def __init__(self, bound: BoundPlan, threads: BlasThreads) -> None:
        super().__init__(bound._launches, bound.launches, bound.memory, bound.n_bytes)
        self._threads = threads

    def run(self, trace: Trace | None = None) -> None:
        """See `Executable.run`."""
        self._threads.use(1)
        with np.errstate(all="ignore"):
            super().run(trace)
