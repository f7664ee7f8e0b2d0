"""A backend made to forget every kernel that it need not have."""

from __future__ import annotations

from collections.abc import Mapping

from st.core.backend import REQUIRED, Backend, Buffer, Call, Executable, Plan, Storage


class RequiredOnly:
    """A backend with the kernels of `REQUIRED` operators alone: all others are decomposed.

    What cannot be decomposed runs all the same, if the backend can.

    Args:
        backend: What computes.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.name = backend.name
        self.kind = backend.kind
        self.description = f"{backend.description}, required operators only"
        self.topic = backend.topic

    def supports(self, call: Call) -> bool:
        """See `Backend.supports`."""
        return call.op in REQUIRED and self.backend.supports(call)

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

    def launch(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        """See `Backend.launch`."""
        self.backend.launch(call, memory)

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> Executable:
        """See `Backend.bind`."""
        return self.backend.bind(plan, memory, keep=keep)
