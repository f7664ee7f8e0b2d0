"""The backend object: memory, and plans bound to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import inf
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
    trigonometry,
)
from st.nn.numpy_backend.buffers import in_small_buffers, is_buffered
from st.nn.numpy_backend.elementwise import Launch
from st.nn.numpy_backend.layout import laid_out
from st.nn.numpy_backend.memory import Bytes, allocate, window
from st.nn.numpy_backend.overwrite import overwritten
from st.nn.numpy_backend.strips import Group, Inner, groups, inner_temporaries, parts
from st.nn.numpy_backend.team import ELEMENTS_FROM, Team, bind_shared, is_shared, shares
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
        **trigonometry.BINDERS,
    }

    def __init__(
        self,
        topic: OperationTopic | None = None,
        threads: BlasThreads | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Make a backend.

        Args:
            topic: Where launches are told.
            threads: Of BLAS; found unless given.
            n_threads: How many threads do a launch together; as a rule one does, and a large
                matrix product takes those that BLAS has.
        """
        super().__init__(topic)
        self.threads = threads or BlasThreads()
        if n_threads is not None:
            self.threads.limit = min(self.threads.limit, n_threads)
        self.team = Team(n_threads) if n_threads is not None and n_threads > 1 else None
        n_threads = n_threads or self.threads.limit
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
        laid = laid_out(plan)
        calls = overwritten([one.call for one in laid])
        n_threads = self.team.n if self.team else 1
        found = groups(calls, self._is_ours, ELEMENTS_FROM if self.team else inf)
        inner, lives = inner_temporaries(calls, found, n_threads)
        slots, sizes = share(lives)
        buffers = [self.alloc(size) for size in sizes]
        whole = {**memory, **{storage: buffers[slot] for storage, slot in slots.items()}}
        launches = [
            self._bind_parts(group, inner, whole)
            if group.edges
            else self._bind_shared(calls[group.calls[0]], whole)
            for group in found
        ]
        covers = [tuple(m for n in group.calls for m in laid[n].covers) for group in found]
        return NumPyPlan(BoundPlan(launches, covers, whole, sum(sizes)), self.threads)

    def _is_ours(self, call: Call) -> bool:
        return call.op in self.binders

    def _bind_parts(
        self, group: Group, inner: Mapping[Storage, Inner], memory: Mapping[Storage, Buffer]
    ) -> Launch:
        """Return one launch of all calls of a group, part by part."""
        n_parts = len(group.edges) - 1
        team = self.team if group.size >= ELEMENTS_FROM else None
        ranges = shares(n_parts, team.n if team else 1)
        threads = [
            thread for thread, (start, stop) in enumerate(ranges) for _ in range(start, stop)
        ]

        def arrays(x: View | Const) -> list[Any]:
            if isinstance(x, Const):
                return [x] * n_parts
            view, places = parts(x, group, inner, threads)
            array = self.operand(memory[view.storage], view)
            return [array[place] for place in places]

        by_call: list[list[Launch]] = []
        for call in (one.call for one in group.led):
            binder = self.binders[call.op]
            inputs = zip(*map(arrays, call.inputs), strict=True)
            outputs = zip(*map(arrays, call.outputs), strict=True)
            made = [binder(call, x, y) for x, y in zip(inputs, outputs, strict=True)]
            if is_buffered(call):
                made = [partial(in_small_buffers, launch) for launch in made]
            by_call.append(made)
        tasks = [
            partial(_each, [made[n] for n in range(start, stop) for made in by_call])
            for start, stop in ranges
        ]
        return partial(team.run, tasks) if team else tasks[0]

    def _bind_shared(self, call: Call, memory: Mapping[Storage, Buffer]) -> Launch:
        """Return the launch of one call of a plan, done by the team where that pays."""
        if self.team is None or not self._is_ours(call) or not is_shared(call):
            return self.bind_call(call, memory)
        inputs = tuple(
            x if isinstance(x, Const) else self.operand(memory[x.storage], x) for x in call.inputs
        )
        outputs = tuple(self.operand(memory[y.storage], y) for y in call.outputs)
        return bind_shared(self.team, self.binders[call.op], call, inputs, outputs)

    def bind_call(self, call: Call, memory: Mapping[Storage, Buffer]) -> Launch:
        """Return the launch of one call, with the threads or the small buffers that it takes."""
        launch = super().bind_call(call, memory)
        if is_large(call):
            return partial(self.threads.run, launch)
        return partial(in_small_buffers, launch) if is_buffered(call) else launch

    def close(self) -> None:
        """Give BLAS its threads back and end those of the backend."""
        self.threads.restore()
        if self.team:
            self.team.close()


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
