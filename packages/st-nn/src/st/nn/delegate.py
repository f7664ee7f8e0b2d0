"""A backend that leaves everything to another; what wraps one changes only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from st.core.backend import Backend, Buffer, Call, Executable, OperationTopic, Plan, Storage


class Delegate:
    """Everything a `Backend` has, taken from another."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.name = backend.name
        self.kind: Literal["cpu", "gpu"] = backend.kind
        self.description = backend.description

    @property
    def topic(self) -> OperationTopic | None:
        """Where eager launches are told."""
        return self.backend.topic

    @topic.setter
    def topic(self, topic: OperationTopic | None) -> None:
        self.backend.topic = topic

    def alloc(self, nbytes: int) -> Buffer:
        """See `Backend.alloc`."""
        return self.backend.alloc(nbytes)

    def write(self, buffer: Buffer, data: memoryview, offset: int = 0) -> None:
        """See `Backend.write`."""
        self.backend.write(buffer, data, offset)

    def read(self, buffer: Buffer, out: memoryview, offset: int = 0) -> None:
        """See `Backend.read`."""
        self.backend.read(buffer, out, offset)

    def sync(self) -> None:
        """See `Backend.sync`."""
        self.backend.sync()

    def borrow(self, memory: memoryview) -> Buffer | None:
        """See `Backend.borrow`."""
        return self.backend.borrow(memory)

    def supports(self, call: Call) -> bool:
        """See `Backend.supports`."""
        return self.backend.supports(call)

    def launch(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        """See `Backend.launch`."""
        self.backend.launch(call, memory)

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> Executable:
        """See `Backend.bind`."""
        return self.backend.bind(plan, memory, keep=keep)
