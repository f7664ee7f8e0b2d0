"""Operators that pick and place: rows by index, slices, tensors one after another."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, spec
from st.nn.ops.rules import ANY, INTEGERS, NUMBERS, normal_axes, one_dtype
from st.nn.tape import Applied, Attrs, DTypeError, Operator, ShapeError, Tensor, of_one, operators


def take(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    """Return the rows of x (parts along `axis`) at integer `indices`, clamped to the table.

    x `(n, ...)` and indices `(i...)` give `(i..., ...)`; another axis is replaced where it stands.

    Raises:
        ShapeError: The table has no rows, or the axis is outside the shape.
        DTypeError: The indices are no integers.
    """
    if axis == 0:
        return x.tape.emit("take", (x, indices))[0]
    (normal,) = normal_axes(axis, x.ndim)
    rest = [a for a in range(x.ndim) if a != normal]
    (made,) = x.tape.emit("take", (x.transpose(normal, *rest), indices))
    n = indices.ndim
    before, after = range(n, n + normal), range(n + normal, made.ndim)
    return made.transpose(*before, *range(n), *after)


def scatter_add(indices: Tensor, updates: Tensor, n_rows: int) -> Tensor:
    """Return zeros with `n_rows` rows, each row of `updates` added at its index, clamped.

    indices `(i...)` and updates `(i..., ...)` give `(n_rows, ...)`; the inverse of `take`.
    """
    return updates.tape.emit("scatter_add", (indices, updates), {"n_rows": n_rows})[0]


def _taken(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, indices = inputs
    _check_indices(indices)
    one_dtype((x,), ANY)
    if not x.shape or x.shape[0] == 0:
        raise ShapeError("the table has no rows")
    return (spec((*indices.shape, *x.shape[1:]), x.dtype),)


def _scattered(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    indices, updates = inputs
    _check_indices(indices)
    n_axes = len(indices.shape)
    if updates.shape[:n_axes] != indices.shape:
        raise ShapeError("the updates begin with other axes than the indices")
    if attrs["n_rows"] < 1:
        raise ShapeError("there are no rows to add to")
    dtype = one_dtype((updates,), NUMBERS)
    return (spec((attrs["n_rows"], *updates.shape[n_axes:]), dtype),)


def _check_indices(indices: Spec) -> None:
    if indices.dtype not in INTEGERS:
        raise DTypeError("indices are integers; cast them")


def _take_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    x, indices = at.inputs
    return [scatter_add(indices, dy, x.shape[0]), None]


def _scatter_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [None, take(dy, at.inputs[0])]


def _unsliced(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    return (spec(attrs["shape"], one_dtype(inputs, NUMBERS)),)


def _unslice(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    made = x.tape.full(attrs["shape"], 0, x.dtype)
    with x.tape.no_grad():
        part = made[attrs["index"]]
        # Added, not copied: an output that is not dense has to be one of the inputs.
        x.tape.emit("add", (part, x), out=(part,))
    return [made]


def _unslice_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy[at.attrs["index"]]]


operators.register(Operator("take", _taken, of_one(_take_vjp)))
operators.register(Operator("scatter_add", _scattered, of_one(_scatter_vjp)))
operators.register(Operator("unslice", _unsliced, of_one(_unslice_vjp), _unslice, 1))
