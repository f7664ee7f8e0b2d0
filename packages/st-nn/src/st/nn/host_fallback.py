"""Operators a backend has no kernel for, run on the host instead: asked for, and told each time.

Without this, such an operator is an error. Wrap a backend to allow it:

    backend = HostFallback(opencl, numpy, registry.bus.publish)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from st.core import Event, event
from st.core.backend import Backend, BoundPlan, Buffer, Call, Const, Plan, Storage, View
from st.nn.delegate import Delegate


@event
class RanOnHost(Event):
    """An operator runs on the host: its values are copied there and back.

    Told for every call of an eager tape, and once for every call of a plan, when it is bound.
    """

    op_name: str
    backend: str
    host: str
    where: str


class HostFallback(Delegate):
    """A backend that runs on another what it has no kernel for.

    Operators that can be decomposed are decomposed as ever: this is for those that cannot.
    """

    def __init__(self, backend: Backend, host: Backend, publish: Callable[[Event], object]) -> None:
        """Wrap a backend.

        Args:
            backend: Where everything runs that can.
            host: Where the rest runs.
            publish: Told of it with a `RanOnHost`, for example `registry.bus.publish`.
        """
        super().__init__(backend)
        self.host = host
        self.description = f"{backend.description}, the rest on {host.description}"
        self._publish = publish

    def launch(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        """See `Backend.launch`."""
        if self.backend.supports(call) or not self.host.supports(call):
            self.backend.launch(call, memory)
        else:
            self._tell(call)
            self._on_host(call, memory)

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> BoundPlan:
        """See `Backend.bind`. Neighbouring calls of the backend are one launch here."""
        groups = groupby(enumerate(plan.calls), lambda numbered: self._is_ours(numbered[1]))
        parts = [(is_ours, list(part)) for is_ours, part in groups]
        crossing = _crossing(parts)
        held = {storage: Storage(storage.nbytes, "state", storage.name) for storage in crossing}
        buffers = {storage: self.backend.alloc(storage.nbytes) for storage in crossing}
        known = {**memory, **{held[storage]: buffer for storage, buffer in buffers.items()}}
        whole = {**memory, **buffers}
        launches: list[Callable[[], object]] = []
        covers: list[tuple[int, ...]] = []
        n_bytes = sum(storage.nbytes for storage in crossing)
        for is_ours, part in parts:
            calls = [_moved(call, held) for _, call in part]
            if is_ours:
                bound = self.backend.bind(Plan(tuple(calls), ()), known, keep=keep)
                if isinstance(bound, BoundPlan):
                    whole = {**bound.memory, **whole}
                n_bytes += bound.n_bytes
                launches.append(bound.run)
                covers.append(tuple(n for n, _ in part))
                continue
            for (n, original), call in zip(part, calls, strict=True):
                self._tell(original)
                launches.append(partial(self._on_host, call, known))
                covers.append((n,))
        return BoundPlan(launches, covers, whole, n_bytes)

    def _is_ours(self, call: Call) -> bool:
        return self.backend.supports(call) or not self.host.supports(call)

    def _tell(self, call: Call) -> None:
        self._publish(RanOnHost(call.op, self.backend.name, self.host.name, call.where))

    def _on_host(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        views = [x for x in (*call.inputs, *call.outputs) if isinstance(x, View)]
        here: dict[Storage, Buffer] = {}
        # Outputs come along too: a call may write a part of what they lie in.
        for storage in dict.fromkeys(view.storage for view in views):
            here[storage] = self.host.alloc(storage.nbytes)
            _copy(self.backend, memory[storage], self.host, here[storage], storage.nbytes)
        self.host.launch(call, here)
        for storage in dict.fromkeys(view.storage for view in call.outputs):
            _copy(self.host, here[storage], self.backend, memory[storage], storage.nbytes)


def _copy(source: Backend, at: Buffer, goal: Backend, to: Buffer, n_bytes: int) -> None:
    data = memoryview(bytearray(n_bytes))
    source.read(at, data)
    goal.write(to, data)


def _crossing(parts: Sequence[tuple[bool, Sequence[tuple[int, Call]]]]) -> list[Storage]:
    """Return the temporaries that the host touches, or more than one part of the backend."""
    parts_of: dict[Storage, set[int]] = {}
    for n, (is_ours, calls) in enumerate(parts):
        for _, call in calls:
            for x in (*call.inputs, *call.outputs):
                if isinstance(x, View) and x.storage.role == "temp":
                    parts_of.setdefault(x.storage, set()).update({n} if is_ours else {n, -1})
    return [storage for storage, found in parts_of.items() if len(found) > 1]


def _moved(call: Call, held: Mapping[Storage, Storage]) -> Call:
    def moved(view: View) -> View:
        storage = held.get(view.storage)
        return view if storage is None else replace(view, storage=storage)

    inputs = tuple(x if isinstance(x, Const) else moved(x) for x in call.inputs)
    return replace(call, inputs=inputs, outputs=tuple(map(moved, call.outputs)))
