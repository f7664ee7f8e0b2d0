"""A backend made to forget every kernel that it need not have."""

from __future__ import annotations

from st.core.backend import REQUIRED, Call
from st.nn.delegate import Delegate


class RequiredOnly(Delegate):
    """A backend with the kernels of `REQUIRED` operators alone: all others are decomposed.

    What cannot be decomposed runs all the same, if the backend can.
    """

    def supports(self, call: Call) -> bool:
        """See `Backend.supports`."""
        return call.op in REQUIRED and self.backend.supports(call)
