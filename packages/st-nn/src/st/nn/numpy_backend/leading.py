"""Calls seen along their leading axis: whether, and how finely, they can be done part by part.

A part gives the same bits as the whole: only calls are seen so whose kernel treats a row alike
however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd, prod

from st.core.backend import SIGNATURES, Call, Const, View, spec
from st.nn.numpy_backend.reduce import ROWS_AT_ONCE, is_few
from st.nn.numpy_backend.threads import is_large


@dataclass(frozen=True, slots=True)
class Led:
    """A call whose leading axes are made one, as far as all of its operands allow."""

    call: Call
    n_units: int
    """Into how many equal parts it can be divided; a divisor of the leading axis."""
    size: int
    """Elements of its largest operand."""


def led(call: Call) -> Led | None:
    """Return `call` along its leading axis, or None where parts would not do."""
    n_free = _n_free(call)
    if not n_free:
        return None
    views = [x for x in (*call.outputs, *call.inputs) if isinstance(x, View)]
    n_merged = min(_n_mergeable(view, n_free) for view in views)
    inputs = tuple(x if isinstance(x, Const) else _merged(x, n_merged) for x in call.inputs)
    outputs = tuple(_merged(y, n_merged) for y in call.outputs)
    attrs = tuple(
        (name, tuple(axis - n_merged + 1 for axis in value) if name == "axes" else value)
        for name, value in call.attrs
    )
    n_units = outputs[0].spec.shape[0]
    if _is_summed_by_rows(call):
        # Parts have to be made of the same rows.
        n_rows = outputs[0].spec.size
        n_units = 0 if n_rows % ROWS_AT_ONCE else gcd(n_units, n_rows // ROWS_AT_ONCE)
    if n_units < 2:
        return None
    size = max(view.spec.size for view in views)
    return Led(replace(call, inputs=inputs, outputs=outputs, attrs=attrs), n_units, size)


def _n_free(call: Call) -> int:
    """Return how many leading axes a call treats place by place."""
    x = call.inputs[0]
    signature = SIGNATURES.get(call.op)
    if signature is not None and signature.kind == "elementwise" and len(call.outputs) == 1:
        return len(call.outputs[0].spec.shape)
    if isinstance(x, Const):
        return 0
    if call.op == "matmul" and not is_large(call):
        return len(x.spec.shape) - 2
    if call.op in ("sum", "max") and call.attr("axes"):
        axes, shape = call.attr("axes"), x.spec.shape
        is_run = x.is_dense and axes == tuple(range(axes[0], axes[-1] + 1))
        if is_few(shape, axes) or (is_run and x.spec.dtype in ("float32", "float64")):
            return int(axes[0])
    return 0


def _is_summed_by_rows(call: Call) -> bool:
    """Whether a call sums trailing axes, which is done so many rows at a time."""
    return call.op == "sum" and call.attr("axes")[-1] == len(call.inputs[0].spec.shape) - 1


def _n_mergeable(view: View, n_free: int) -> int:
    """Return how many of the first `n_free` axes are one axis in memory; at least 1."""
    shape, strides = view.spec.shape, view.strides
    for axis in range(1, n_free):
        is_one = shape[axis] == 1 or prod(shape[:axis]) == 1
        if not is_one and strides[axis - 1] != strides[axis] * shape[axis]:
            return axis
    return n_free


def _merged(view: View, n_axes: int) -> View:
    shape = view.spec.shape
    long = [axis for axis in range(n_axes) if shape[axis] != 1]
    stride = view.strides[long[-1]] if long else view.strides[n_axes - 1]
    of = spec((prod(shape[:n_axes]), *shape[n_axes:]), view.spec.dtype)
    return View(view.storage, of, (stride, *view.strides[n_axes:]), view.offset)
