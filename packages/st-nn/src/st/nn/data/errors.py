"""The error of every source of data."""

from __future__ import annotations

from st.core import StError


class DataError(StError, ValueError):
    """Data that cannot be used as described.

    Attributes:
        source: What was read, as the user named it.
        field: The field of the source's description that the fault belongs to, such as ``path``.
        expected: What should have been there.
        given: What was there.
    """

    def __init__(self, source: str, field: str, expected: str, given: str) -> None:
        super().__init__(f"{source}: expected {expected}, given {given}")
        self.source = source
        self.field = field
        self.expected = expected
        self.given = given
