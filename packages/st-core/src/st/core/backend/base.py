"""A backend from a table of bind functions, one for each operator.

A bind function takes a call and its operands in the backend's own form and returns a function
without arguments that runs it. Everything else (eager launches, temporaries, plans, plugin
kernels, telling about operations) is the same for every such backend and lives here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, Literal

from st.core.backend.contract import (
    Buffer,
    Call,
    Const,
    OperationTopic,
    Plan,
    Storage,
    Trace,
    View,
)
from st.core.backend.errors import UnsupportedOperatorError
from st.core.backend.kernels import kernels
from st.core.backend.liveness import lifetimes, share

Launch = Callable[[], object]
"""Runs one call on memory it is bound to, as often as it is called."""
Binder = Callable[[Call, tuple[Any, ...], tuple[Any, ...]], Launch]
"""(call, operands of the inputs, operands of the outputs) -> launch. Constants come as `Const`.

It is asked once for a plan, and prepares what does not change from run to run. Operands are what
`TableBackend.operand` makes of views: any strides, 0 where an axis is repeated, empty axes too;
the launch reads the inputs when it runs, and writes every element of the outputs.
"""


class BoundPlan:
    """A list of launches bound to memory; `run` is a loop over it."""

    def __init__(
        self,
        launches: Sequence[Launch],
        covers: Sequence[tuple[int, ...]],
        memory: Mapping[Storage, Buffer],
        n_bytes: int,
    ) -> None:
        self._launches = tuple(launches)
        self.launches: Sequence[tuple[int, ...]] = tuple(covers)
        self.memory = memory
        """A buffer for every storage; with `keep` each call's output still lies in its own."""
        self.n_bytes = n_bytes

    def run(self, trace: Trace | None = None) -> None:
        """Run every launch in order; with `trace`, time each on the host."""
        if trace is None:
            for launch in self._launches:
                launch()
            return
        for n, launch in enumerate(self._launches):
            start = perf_counter_ns()
            launch()
            trace(n, start, perf_counter_ns())


class TableBackend(ABC):
    """Base of backends that bind call by call.

    A subclass gives `name`, `kind`, `description`, `alloc`, `write`, `read`, `sync`, `operand`,
    and `binders`: operator name to bind function, for each of the 22 in `REQUIRED`. Kernels that
    plugins add for this backend (`kernels.register(op, name, binder)`) are bind functions too.
    """

    name: str
    kind: Literal["cpu", "gpu"]
    description: str
    binders: Mapping[str, Binder]

    def __init__(self, topic: OperationTopic | None = None) -> None:
        self.topic = topic

    @abstractmethod
    def alloc(self, nbytes: int) -> Buffer:
        """See `Backend.alloc`."""

    @abstractmethod
    def write(self, buffer: Buffer, data: memoryview, offset: int = 0) -> None:
        """See `Backend.write`."""

    @abstractmethod
    def read(self, buffer: Buffer, out: memoryview, offset: int = 0) -> None:
        """See `Backend.read`."""

    @abstractmethod
    def sync(self) -> None:
        """See `Backend.sync`."""

    @abstractmethod
    def operand(self, buffer: Buffer, view: View) -> Any:
        """Return `view` of `buffer` in the form the bind functions take."""

    def borrow(self, memory: memoryview) -> Buffer | None:
        """See `Backend.borrow`; None unless a subclass can use host memory."""
        return None

    def supports(self, call: Call) -> bool:
        """See `Backend.supports`."""
        return call.op in self.binders or kernels.get(call.op, self.name) is not None

    def adopt(self, kernel: Any) -> Binder:
        """Return the bind function of a kernel that a plugin added: here it is one already.

        Backends that take kernels in other forms as well say so here.
        """
        made: Binder = kernel
        return made

    def launch(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        """See `Backend.launch`."""
        run = self.bind_call(call, memory)
        record = None if self.topic is None else self.topic.record
        if record is None:
            run()
            return
        start = perf_counter_ns()
        run()
        shapes = tuple(x.spec.shape for x in call.inputs)
        record((call.op, shapes, start, perf_counter_ns(), self.name, call.where))

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> BoundPlan:
        """See `Backend.bind`."""
        lives = lifetimes([call] for call in plan.calls)
        if keep:
            slots, sizes = (
                {storage: n for n, storage in enumerate(lives)},
                [storage.nbytes for storage in lives],
            )
        else:
            slots, sizes = share(lives)
        buffers = [self.alloc(size) for size in sizes]
        whole = {**memory, **{storage: buffers[slot] for storage, slot in slots.items()}}
        launches = [self.bind_call(call, whole) for call in plan.calls]
        covers = [(n,) for n in range(len(plan.calls))]
        return BoundPlan(launches, covers, whole, sum(sizes))

    def bind_call(self, call: Call, memory: Mapping[Storage, Buffer]) -> Launch:
        """Return the launch of one call.

        Raises:
            UnsupportedOperatorError: Neither this backend nor a plugin has a kernel for it.
        """
        binder = self.binders.get(call.op)
        if binder is None:
            kernel = kernels.get(call.op, self.name)
            if kernel is None:
                raise UnsupportedOperatorError(call=call, backend=self.name)
            binder = self.adopt(kernel)
        inputs = tuple(
            x if isinstance(x, Const) else self.operand(memory[x.storage], x) for x in call.inputs
        )
        outputs = tuple(self.operand(memory[x.storage], x) for x in call.outputs)
        launch: Launch = binder(call, inputs, outputs)
        return launch
