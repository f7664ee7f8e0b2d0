"""Operators that give bool: the relations, and how to combine them."""

from __future__ import annotations

from st.nn.ops.elementwise import compare, where
from st.nn.tape import DTypeError, Scalar, Tensor


def eq(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return whether x equals y; NaN equals nothing."""
    return compare(x, y, "eq")


def ne(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return whether x differs from y; NaN differs from everything."""
    return compare(x, y, "ne")


def lt(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return whether x is smaller than y."""
    return compare(x, y, "lt")


def le(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return whether x is smaller than y or equal."""
    return compare(x, y, "le")


def gt(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return whether x is larger than y."""
    return compare(x, y, "gt")


def ge(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return whether x is larger than y or equal."""
    return compare(x, y, "ge")


def logical_and(x: Tensor, y: Tensor) -> Tensor:
    """Return whether both hold; x and y are bool."""
    _check_bool("logical_and", x, y)
    return where(x, y, False)


def logical_or(x: Tensor, y: Tensor) -> Tensor:
    """Return whether one holds or both; x and y are bool."""
    _check_bool("logical_or", x, y)
    return where(x, True, y)


def logical_not(x: Tensor) -> Tensor:
    """Return whether x does not hold; x is bool."""
    _check_bool("logical_not", x)
    return compare(x, False, "eq")


def is_finite(x: Tensor) -> Tensor:
    """Return whether x is neither infinite nor NaN; x is floating."""
    return compare(x - x, 0.0, "eq")


def _check_bool(op: str, *operands: Tensor) -> None:
    if any(x.dtype != "bool" for x in operands):
        specs = [x.spec for x in operands]
        where = operands[0].tape.where
        raise DTypeError("takes bool; compare something", op=op, specs=specs, where=where)
