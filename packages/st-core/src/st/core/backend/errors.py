"""What a backend raises. Each error names operator, specs, module path and backend."""

from __future__ import annotations

from st.core.backend.contract import Call
from st.core.errors import StError


class BackendError(StError, RuntimeError):
    """A call could not be bound or run. The executable stays usable."""

    def __init__(self, reason: str, *, call: Call, backend: str) -> None:
        super().__init__(f"{backend}: {call!r}: {reason}")
        self.call = call
        self.backend = backend


class UnsupportedOperatorError(BackendError):
    """The backend has no kernel for the operator with these specs and attributes."""

    def __init__(self, *, call: Call, backend: str) -> None:
        super().__init__("no kernel for this operator", call=call, backend=backend)


class BackendMemoryError(StError, MemoryError):
    """The device has no room for an allocation."""

    def __init__(self, *, backend: str, asked: int, held: int, limit: int) -> None:
        super().__init__(
            f"{backend}: no room for {asked:,} bytes; {held:,} are held, the limit is {limit:,}; "
            "use a smaller batch or model"
        )
        self.asked = asked
        self.held = held
        self.limit = limit
