"""Operators that work element by element, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from st.core.backend import Const, Spec, spec
from st.nn.ops.rules import ANY, FLOATS, NUMBERS, one_dtype, one_shape, same
from st.nn.tape import (
    SIGNED,
    Applied,
    Attrs,
    DTypeError,
    Operator,
    Scalar,
    Tensor,
    apply,
    meet,
    of_one,
    operators,
)

RELATIONS = ("eq", "ne", "lt", "le", "gt", "ge")


def neg(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return -x."""
    return apply("neg", x, out=out)


def exp(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return e to the x."""
    return apply("exp", x, out=out)


def log(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the natural logarithm; -inf at 0, NaN below."""
    return apply("log", x, out=out)


def sqrt(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the square root; NaN below 0."""
    return apply("sqrt", x, out=out)


def tanh(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the hyperbolic tangent."""
    return apply("tanh", x, out=out)


def add(x: Tensor | Scalar, y: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor:
    """Return x + y; integers wrap around."""
    return apply("add", x, y, out=out)


def sub(x: Tensor | Scalar, y: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor:
    """Return x - y; integers wrap around."""
    return apply("sub", x, y, out=out)


def mul(x: Tensor | Scalar, y: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor:
    """Return x * y; integers wrap around."""
    return apply("mul", x, y, out=out)


def div(x: Tensor | Scalar, y: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor:
    """Return x / y, floating."""
    return apply("div", x, y, out=out)


def maximum(x: Tensor | Scalar, y: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor:
    """Return the larger; NaN if either is NaN. Where both are equal, x gets the gradient."""
    return apply("maximum", x, y, out=out)


def minimum(x: Tensor | Scalar, y: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor:
    """Return the smaller; NaN if either is NaN. Where both are equal, x gets the gradient."""
    return apply("minimum", x, y, out=out)


def abs(x: Tensor) -> Tensor:
    """Return the size of x, floating or signed; the gradient at 0 is 0."""
    return x.tape.emit("abs", (x,))[0]


def turned(x: Tensor) -> Tensor:
    """Return what has the opposite order and loses nothing: -x, or without overflow for integers.

    Turning twice gives x.
    """
    if x.dtype in FLOATS:
        return neg(x)
    return sub(-1 if x.dtype in SIGNED else int(np.iinfo(x.dtype).max), x)


def compare(x: Tensor | Scalar, y: Tensor | Scalar, relation: str) -> Tensor:
    """Return the bool of x RELATION y; relations are eq ne lt le gt ge."""
    return apply("compare", x, y, relation=relation)


def where(condition: Tensor, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return x where the bool `condition` holds, else y; one of the two is a tensor."""
    met = meet((x, y), condition.shape)
    shape = next(value.shape for value in met if isinstance(value, Tensor))
    return condition.tape.emit("where", (condition.broadcast_to(shape), *met))[0]


def cast(x: Tensor, dtype: str) -> Tensor:
    """Return x in `dtype`, as NumPy's astype."""
    if x.dtype == dtype:
        return x
    return x.tape.emit("cast", (x,), {"dtype": dtype})[0]


def copy(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return x in memory of its own, dense."""
    return apply("copy", x, out=out)


def _compared(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    if attrs["relation"] not in RELATIONS:
        raise DTypeError(f"relation {attrs['relation']!r} is not one of {', '.join(RELATIONS)}")
    one_dtype(inputs, ANY)
    return (spec(one_shape(inputs, 2), "bool"),)


def _chosen(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    if inputs[0].dtype != "bool":
        raise DTypeError("the condition is bool; compare something")
    return (spec(one_shape(inputs, 3), one_dtype(inputs[1:], ANY)),)


def _converted(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    if attrs["dtype"] not in ANY:
        raise DTypeError(f"dtype {attrs['dtype']!r} is not one of {', '.join(ANY)}")
    return (spec(inputs[0].shape, attrs["dtype"]),)


Gradients = Sequence[Tensor | None]


def _tanh(at: Applied, dy: Tensor) -> Gradients:
    (y,) = at.outputs
    return [dy * (1.0 - y * y)]


def _mul(at: Applied, dy: Tensor) -> Gradients:
    x, y = at.inputs
    return [_times(dy, y) if at.wanted[0] else None, _times(dy, x) if at.wanted[1] else None]


def _times(dy: Tensor, x: Tensor | Const) -> Tensor:
    return dy * (x.value if isinstance(x, Const) else x)


def _div(at: Applied, dy: Tensor) -> Gradients:
    (_, y), (made,) = at.inputs, at.outputs
    dx = dy / (y.value if isinstance(y, Const) else y)
    return [dx, -(dx * made) if at.wanted[1] else None]


def _maximum(at: Applied, dy: Tensor) -> Gradients:
    x, y = (value.value if isinstance(value, Const) else value for value in at.inputs)
    first = compare(x, y, "ge")
    return [
        where(first, dy, 0.0) if at.wanted[0] else None,
        where(first, 0.0, dy) if at.wanted[1] else None,
    ]


def _abs(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    return [maximum(inputs[0], neg(inputs[0]))]


def _abs_vjp(at: Applied, dy: Tensor) -> Gradients:
    (x,) = at.inputs
    return [where(compare(x, 0.0, "gt"), dy, where(compare(x, 0.0, "lt"), neg(dy), 0.0))]


def _minimum(inputs: tuple[Tensor | Const, ...], attrs: Attrs) -> Sequence[Tensor]:
    tensor = next(x for x in inputs if isinstance(x, Tensor))
    x, y = (
        turned(
            x if isinstance(x, Tensor) else tensor.tape.full(tensor.shape, x.value, tensor.dtype)
        )
        for x in inputs
    )
    return [turned(maximum(x, y))]


def _minimum_vjp(at: Applied, dy: Tensor) -> Gradients:
    x, y = (value.value if isinstance(value, Const) else value for value in at.inputs)
    first = compare(x, y, "le")
    return [
        where(first, dy, 0.0) if at.wanted[0] else None,
        where(first, 0.0, dy) if at.wanted[1] else None,
    ]


def _where(at: Applied, dy: Tensor) -> Gradients:
    condition = at.inputs[0]
    return [
        None,
        where(condition, dy, 0.0) if at.wanted[1] else None,
        where(condition, 0.0, dy) if at.wanted[2] else None,
    ]


_VJPS: dict[str, Callable[[Applied, Tensor], Gradients]] = {
    "neg": lambda at, dy: [-dy],
    "exp": lambda at, dy: [dy * at.outputs[0]],
    "log": lambda at, dy: [dy / at.inputs[0]],
    "sqrt": lambda at, dy: [dy / at.outputs[0] * 0.5],
    "tanh": _tanh,
    "add": lambda at, dy: [dy, dy],
    "sub": lambda at, dy: [dy, -dy if at.wanted[1] else None],
    "mul": _mul,
    "div": _div,
    "maximum": _maximum,
    "where": _where,
    "cast": lambda at, dy: [cast(dy, at.inputs[0].dtype)],
    "copy": lambda at, dy: [dy],
}

for _name, _rule in {
    "neg": same(NUMBERS, 1),
    "exp": same(FLOATS, 1),
    "log": same(FLOATS, 1),
    "sqrt": same(FLOATS, 1),
    "tanh": same(FLOATS, 1),
    "add": same(NUMBERS, 2),
    "sub": same(NUMBERS, 2),
    "mul": same(NUMBERS, 2),
    "div": same(FLOATS, 2),
    "maximum": same(NUMBERS, 2),
    "where": _chosen,
    "cast": _converted,
    "copy": same(ANY, 1),
}.items():
    operators.register(Operator(_name, _rule, of_one(_VJPS[_name])))
operators.register(Operator("compare", _compared))
operators.register(Operator("minimum", same(NUMBERS, 2), of_one(_minimum_vjp), _minimum))
operators.register(Operator("abs", same((*FLOATS, *SIGNED), 1), of_one(_abs_vjp), _abs, 1))
