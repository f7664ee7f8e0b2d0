"""Sums, maxima and argmax over axes."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from st.backend.opencl import elementwise, layout
from st.backend.opencl.groups import MOST_COLUMNS
from st.backend.opencl.matrix import matrix, padded
from st.backend.opencl.runtime import MOST_GROUPS, Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, KernelSource, Parameter
from st.core.backend import DTYPES, Call

STARTS: Mapping[str, str] = {
    "float32": "-INFINITY",
    "float64": "-INFINITY",
    "int32": "INT_MIN",
    "int64": "LONG_MIN",
    "uint32": "0",
    "uint64": "0",
    "bool": "0",
}
"""What the maximum of nothing is."""

LEAST_PART = 16384
"""Elements of the reduced axis that make a part of their own worth while."""

WIDE = 8
"""Vectors of neighbouring outputs that a CPU reduces together; see reduce.cl."""

MOST_GATHERED = 64
"""Elements for each output that are collected from wherever they lie, rather than copied first."""

_GATHER: tuple[Parameter, ...] = (
    *("buffer", "long", "long", "long4"),
    *("buffer", "long", *("long4",) * 5),
)

_PARAMETERS: tuple[Parameter, ...] = ("buffer", "long", "buffer", "long", *("long",) * 6)


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "sum" or "max"."""
    (x,), (out,) = inputs, outputs
    elementwise.require_dtype(
        runtime, call, x.dtype, tuple(DTYPES) if call.op == "max" else elementwise.NUMBERS
    )
    axes = tuple(axis % len(x.shape) for axis in call.attr("axes"))
    return _reduce(runtime, call, x, out, axes) if out.size else []


def bind_argmax(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "argmax"."""
    (x,), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, x.dtype, tuple(DTYPES))
    if out.size == 0:
        return []
    x, found, launches = elementwise.around_axis(runtime, call, x)
    source = KernelSource(
        name=f"argmax_{CTYPES[x.dtype]}",
        files=("argmax",),
        defines=(("KERNEL", f"argmax_{CTYPES[x.dtype]}"), ("T", CTYPES[x.dtype])),
        parameters=_PARAMETERS,
    )
    arguments = (out.buffer, out.offset, x.buffer, x.offset, *found.shape, *found.strides)
    shares = runtime.shares(out.size, x.size)
    return [*launches, runtime.launch(call, source, arguments, (shares,))]


def _reduce(
    runtime: Runtime, call: Call, x: Operand, out: Operand, axes: tuple[int, ...]
) -> list[Launch]:
    """Reduce in one pass where the axes merge, else one group of neighbouring axes at a time."""
    found = layout.reduction(x.shape, x.strides, axes)
    if found is not None:
        return _pass(runtime, call, x, out, found)
    if (gathered := _gathered(runtime, call, x, out, axes)) is not None:
        return [gathered]
    x, launches = elementwise.dense(runtime, call, x)
    found = layout.reduction(x.shape, x.strides, axes)
    if found is not None:
        return launches + _pass(runtime, call, x, out, found)
    last = max(axes)
    group = tuple(a for a in axes if all(b in axes or x.shape[b] == 1 for b in range(a, last)))
    kept = tuple(n for axis, n in enumerate(x.shape) if axis not in group)
    between = runtime.temporary(kept, x.dtype)
    launches += _reduce(runtime, call, x, between, group)
    left = tuple(
        axis - sum(1 for gone in group if gone < axis) for axis in axes if axis not in group
    )
    return launches + _reduce(runtime, call, between, out, left)


def _gathered(
    runtime: Runtime, call: Call, x: Operand, out: Operand, axes: tuple[int, ...]
) -> Launch | None:
    """Return the launch that collects a few elements for each output from wherever they lie."""
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    if prod(x.shape[axis] for axis in axes) > MOST_GATHERED:
        return None
    order = [*kept, *axes]
    shape, strides = ([each[axis] for axis in order] for each in (x.shape, x.strides))
    turned = Operand(x.buffer, x.dtype, tuple(shape), tuple(strides), x.offset)
    found = matrix(turned, (), len(kept), len(axes))
    if not found.is_walkable(()):
        return None
    source = _source(f"gather_{call.op}", call, x.dtype, ("matrix", "gather"), _GATHER)
    rows, columns = padded(found.rows), padded(found.columns)
    batch = padded(((), ()))
    what = (x.buffer, x.offset, batch[1], *rows, *columns)
    arguments = (out.buffer, out.offset, found.n_columns, batch[0], *what)
    across = rows[0][-1]
    groups = runtime.spread(out.size // across, across * found.n_columns)
    if runtime.device.kind == "gpu":
        groups = runtime.spread(out.size // across, across)
    return runtime.launch(call, source, arguments, groups)


def _pass(
    runtime: Runtime, call: Call, x: Operand, out: Operand, found: layout.Reduction
) -> list[Launch]:
    """Reduce the middle axis; in parts, reduced again, when only that axis is long."""
    n_outer, n_reduced, n_inner = found.shape
    width = WIDE * runtime.lanes if runtime.device.kind == "cpu" else 1
    blocks = n_outer * -(-n_inner // width)
    shares = runtime.shares(blocks, x.size)
    n_parts = 1
    # A row that fusion would reduce in one go is never split: fused or not, the bits are the same.
    if blocks < runtime.device.n_units * 8 and (n_inner > 1 or n_reduced > MOST_COLUMNS):
        n_parts = max(1, min(64, x.size // LEAST_PART, n_reduced // 64))
    if n_parts == 1:
        return [_launch(runtime, call, x, out, found, shares, 1)]
    parts = runtime.temporary((n_parts, n_outer, n_inner), x.dtype)
    again = layout.Reduction((1, n_parts, out.size), (0, out.size, 1 if out.size > 1 else 0))
    return [
        _launch(runtime, call, x, parts, found, shares, n_parts),
        _launch(runtime, call, parts, out, again, 1, 1),
    ]


def _launch(
    runtime: Runtime,
    call: Call,
    x: Operand,
    out: Operand,
    found: layout.Reduction,
    shares: int,
    n_parts: int,
) -> Launch:
    source = _source(call.op, call, x.dtype, ("total", "reduce"), _PARAMETERS)
    arguments = (out.buffer, out.offset, x.buffer, x.offset, *found.shape, *found.strides)
    groups = (shares, n_parts, 1)
    if found.shape[2] == 1:
        groups = (1, n_parts, min(shares, MOST_GROUPS))
    return runtime.launch(call, source, arguments, groups)


def _source(
    what: str,
    call: Call,
    dtype: str,
    files: tuple[str, ...],
    parameters: tuple[Parameter, ...],
) -> KernelSource:
    ctype = CTYPES[dtype]
    is_sum = call.op == "sum"
    return KernelSource(
        name=f"{what}_{ctype}",
        files=files,
        defines=(
            ("KERNEL", f"{what}_{ctype}"),
            ("T", ctype),
            ("MOST_COLUMNS", str(MOST_COLUMNS)),
            ("START", "0" if is_sum else STARTS[dtype]),
            ("COMBINE(x, y)", "((x) + (y))" if is_sum else "MAXIMUM(x, y)"),
        ),
        parameters=parameters,
    )
