"""How operands meet: one element type, one shape, Python scalars as constants.

The rules: bool < integer < float; of the same kind the wider wins; a Python scalar takes the
tensor's type and never changes it. Signed and unsigned integers do not mix. Shapes broadcast as in
NumPy, by views.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from st.core.backend import DTYPES, Const, Spec, spec
from st.nn.tape.errors import DTypeError, OperandError, OperandTypeError
from st.nn.tape.views import broadcast_shape

if TYPE_CHECKING:
    from st.nn.tape.tensor import Scalar, Tensor

FLOATS = ("float32", "float64")
SIGNED = ("int32", "int64")
UNSIGNED = ("uint32", "uint64")


def kind(dtype: str) -> str:
    """Return "bool", "int", "uint" or "float"."""
    return dtype.rstrip("0123456789")


def promote(dtypes: Sequence[str]) -> str:
    """Return the element type in which operands of these types meet.

    Raises:
        DTypeError: Signed and unsigned integers were mixed.
    """
    kinds = {kind(dtype) for dtype in dtypes}
    if "float" in kinds:
        return max(dtype for dtype in dtypes if dtype in FLOATS)
    if {"int", "uint"} <= kinds:
        raise DTypeError("signed and unsigned integers do not mix; cast one of them")
    wide = [dtype for dtype in dtypes if dtype != "bool"]
    return max(wide, default="bool")


def constant(value: Scalar, dtype: str) -> Const:
    """Return `value` as a constant of `dtype`.

    Raises:
        DTypeError: The type cannot hold the value.
    """
    held: Scalar
    if dtype == "bool":
        fits, held = value in (0, 1), bool(value)
    elif kind(dtype) == "float":
        fits, held = True, float(value)
    else:
        fits, held = _is_integer(value, dtype), int(value) if math.isfinite(value) else 0
    if not fits:
        raise DTypeError(f"the constant {value!r} is no {dtype}; cast the tensor first")
    return Const(held, spec((), dtype))


def _is_integer(value: Scalar, dtype: str) -> bool:
    """Whether `value` is an integer that `dtype` holds."""
    n_bits = 8 * DTYPES[dtype] - (kind(dtype) == "int")
    low = -(1 << n_bits) if kind(dtype) == "int" else 0
    return float(value).is_integer() and low <= value < 1 << n_bits


def meet(operands: Sequence[Tensor | Scalar], shape: tuple[int, ...] = ()) -> list[Tensor | Const]:
    """Return `operands` with one element type and one shape, casts and broadcasts inserted.

    Args:
        operands: Tensors, of which there is at least one, and Python scalars.
        shape: What else the shapes have to broadcast with.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: The element types do not meet, or hold no such constant.
    """
    given = [x for x in operands if not isinstance(x, float | int)]
    dtype = promote([x.dtype for x in given])
    shapes = [x.shape for x in given]
    whole = broadcast_shape([shape, *shapes] if shape else shapes)
    met: list[Tensor | Const] = []
    for x in operands:
        if isinstance(x, float | int):
            met.append(constant(x, dtype))
            continue
        if x.dtype != dtype:
            (x,) = x.tape.emit("cast", (x,), {"dtype": dtype})
        met.append(x.broadcast_to(whole))
    return met


def apply(op: str, *operands: Tensor | Scalar, out: Tensor | None = None, **attrs: Any) -> Tensor:
    """Apply an elementwise operator after its operands have met; at least one is a tensor.

    Args:
        op: Name of the operator.
        operands: Tensors, or Python scalars, which take the tensors' element type.
        out: What to overwrite; its shape and type are those of the result. Not differentiable.
        attrs: The operator's attributes.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: The element types do not meet, or the operator has no such type.
    """
    try:
        like = next(x for x in operands if not isinstance(x, float | int))
        met = meet(operands)
    except AttributeError:
        raise _no_tensor(op, operands) from None
    except OperandError as error:
        raise error.at(op=op, specs=_specs(operands), where=like.tape.where) from None
    return like.tape.emit(op, met, attrs, out=(out,) if out is not None else ())[0]


def _no_tensor(op: str, operands: Sequence[object]) -> OperandTypeError:
    from st.nn.tape.tensor import Tensor

    return OperandTypeError(
        op, next(x for x in operands if not isinstance(x, Tensor | int | float))
    )


def _specs(operands: Sequence[Tensor | Scalar]) -> list[Spec]:
    return [x.spec for x in operands if not isinstance(x, float | int)]
