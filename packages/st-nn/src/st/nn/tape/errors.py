"""What goes wrong while operators are applied. Each error names operator, operands and place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from st.core.backend import Spec
from st.core.errors import StError


class OperandError(StError, ValueError):
    """An operator cannot take these operands.

    Whoever finds the fault may know only the reason; `at` fills in what an outer caller knows.
    """

    def __init__(
        self, reason: str, *, op: str = "", specs: Sequence[Spec] = (), where: str = ""
    ) -> None:
        place = " ".join(part for part in (where, f"({op})" if where and op else op) if part)
        given = f"; got {', '.join(map(str, specs))}" if specs else ""
        super().__init__(f"{place}: {reason}{given}" if place else f"{reason}{given}")
        self.reason = reason
        self.op = op
        self.specs = tuple(specs)
        self.where = where

    def at(self, *, op: str = "", specs: Sequence[Spec] = (), where: str = "") -> Self:
        """Return the same fault with what is still unknown filled in; what is known stays."""
        return type(self)(
            self.reason,
            op=self.op or op,
            specs=self.specs or (() if self.op else specs),
            where=self.where or where,
        )


class ShapeError(OperandError):
    """The shapes of the operands do not fit."""


class DTypeError(OperandError):
    """The element types of the operands do not fit."""


class ForeignTensorError(OperandError):
    """An operand lies on another tape, and so perhaps on another backend."""


class OverlapError(OperandError):
    """An output would be written over an input that is still read."""


class OperandTypeError(StError, TypeError):
    """An operand is no tensor."""

    def __init__(self, op: str, operand: object) -> None:
        super().__init__(
            f"{op}: {type(operand).__name__} is no tensor; put an array on the tape with "
            "tape.constant(array) or tape.input(array)"
        )


class NonFiniteError(OperandError):
    """A value is NaN or infinite where only finite ones are allowed."""


class NoValueError(StError, ValueError):
    """The values of a tensor were asked for where there are none: not computed, or let go of."""


class UnknownOperatorError(StError, LookupError):
    """No operator has this name."""


class DuplicateOperatorError(StError, ValueError):
    """A second operator of the same name."""


class GradientError(StError, ValueError):
    """A derivative was asked for that does not exist."""
