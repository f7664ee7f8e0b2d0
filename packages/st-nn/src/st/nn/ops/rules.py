"""Rules of inference that many operators share: what comes out of what goes in."""

from __future__ import annotations

from collections.abc import Callable, Collection

from st.core.backend import Spec, spec
from st.nn.tape import FLOATS, Attrs, DTypeError, ShapeError, broadcast_shape

NUMBERS = ("float32", "float64", "int32", "int64", "uint32", "uint64")
ANY = (*NUMBERS, "bool")
INTEGERS = ("int32", "int64", "uint32", "uint64")

Rule = Callable[[tuple[Spec, ...], Attrs], tuple[Spec, ...]]


def same(dtypes: Collection[str], n_inputs: int) -> Rule:
    """Return the rule of elementwise operators: all inputs and the output have one spec.

    Constants have shape (): they fit every shape.
    """

    def rule(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
        return (spec(one_shape(inputs, n_inputs), one_dtype(inputs, dtypes)),)

    return rule


def one_shape(inputs: tuple[Spec, ...], n_inputs: int) -> tuple[int, ...]:
    """Return the shape of all inputs; scalars fit any shape.

    Raises:
        ShapeError: They differ, or there are not `n_inputs`.
    """
    if len(inputs) != n_inputs:
        raise ShapeError(f"takes {n_inputs} inputs, got {len(inputs)}")
    shapes = {x.shape for x in inputs} - {()}
    if len(shapes) > 1:
        raise ShapeError("takes inputs of one shape")
    return shapes.pop() if shapes else ()


def one_dtype(inputs: tuple[Spec, ...], dtypes: Collection[str]) -> str:
    """Return the element type of all inputs, which is one of `dtypes`.

    Raises:
        DTypeError: They differ, or the type is another.
    """
    found = {x.dtype for x in inputs}
    if len(found) > 1:
        raise DTypeError("takes inputs of one element type; cast them")
    dtype = found.pop()
    if dtype not in dtypes:
        raise DTypeError(f"takes {', '.join(dtypes)}; cast the input")
    return dtype


def floating(inputs: tuple[Spec, ...], n_inputs: int) -> str:
    """Return the floating type of `n_inputs` inputs.

    Raises:
        ShapeError: There are not `n_inputs`.
        DTypeError: They differ or are not floating.
    """
    if len(inputs) != n_inputs:
        raise ShapeError(f"takes {n_inputs} inputs, got {len(inputs)}")
    return one_dtype(inputs, FLOATS)


def normal_axes(axes: object, n_axes: int) -> tuple[int, ...]:
    """Return `axes` (None: all, an integer, or several) as sorted, non-negative axes.

    Raises:
        ShapeError: One is outside the shape, or comes twice.
    """
    if axes is None:
        return tuple(range(n_axes))
    given = (axes,) if isinstance(axes, int) else tuple(axes)  # type: ignore[arg-type]  # a sequence
    if any(not -n_axes <= axis < n_axes for axis in given):
        raise ShapeError(f"axes {given} are outside a shape of {n_axes} axes")
    normal = tuple(sorted(axis % n_axes for axis in given))
    if len(set(normal)) != len(normal):
        raise ShapeError(f"axes {given} name one twice")
    return normal


__all__ = [
    "ANY",
    "FLOATS",
    "INTEGERS",
    "NUMBERS",
    "broadcast_shape",
    "floating",
    "normal_axes",
    "one_dtype",
    "one_shape",
    "same",
]
