"""The matrix product, alone and in batches."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, spec
from st.nn.ops.rules import NUMBERS, broadcast_shape, one_dtype
from st.nn.tape import (
    Applied,
    Attrs,
    OperandError,
    Operator,
    ShapeError,
    Tensor,
    of_one,
    operators,
)


def matmul(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return x @ y: x `(..., m, k)`, y `(..., k, n)` gives `(..., m, n)`.

    Leading axes broadcast. There are no vectors: reshape to a row or a column.

    Raises:
        ShapeError: The inner axes differ, or the leading axes do not broadcast.
        DTypeError: The element types differ.
    """
    if x.ndim >= 2 and y.ndim >= 2 and x.shape[:-2] != y.shape[:-2]:
        try:
            lead = broadcast_shape([x.shape[:-2], y.shape[:-2]])
        except OperandError as error:
            raise error.at(op="matmul", specs=(x.spec, y.spec), where=x.tape.where) from None
        x = x.broadcast_to((*lead, *x.shape[-2:]))
        y = y.broadcast_to((*lead, *y.shape[-2:]))
    return x.tape.emit("matmul", (x, y), out=(out,) if out is not None else ())[0]


def _product(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, y = inputs
    if len(x.shape) < 2 or len(y.shape) < 2:
        raise ShapeError("takes matrices; reshape a vector to a row or a column")
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(f"the inner axes differ: {x.shape[-1]} columns, {y.shape[-2]} rows")
    if x.shape[:-2] != y.shape[:-2]:
        raise ShapeError("the leading axes differ")
    return (spec((*x.shape[:-1], y.shape[-1]), one_dtype(inputs, NUMBERS)),)


def _product_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    x, y = at.inputs
    dx = _like(x, dy, y.T) if at.wanted[0] else None
    return [dx, _like(y, x.T, dy) if at.wanted[1] else None]


def _like(x: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return left @ right laid out as `x` is: the gradient of a transposed matrix is transposed."""
    if x.view.is_dense or not x.T.view.is_dense:
        return matmul(left, right)
    return matmul(right.T, left.T).T


operators.register(Operator("matmul", _product, of_one(_product_vjp)))
