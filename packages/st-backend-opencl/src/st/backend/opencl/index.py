"""Rows taken from and added to tables by index."""

from __future__ import annotations

from math import prod

from st.backend.opencl import elementwise, layout
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, MOVED_AS, KernelSource
from st.core.backend import DTYPES, Call, Const, spec

INDICES = ("int32", "int64", "uint32", "uint64")


def bind_take(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "take". An empty table gives zeros, as there is no row to clamp to."""
    (table, indices), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, indices.dtype, INDICES)
    if out.size == 0:
        return []
    n_rows, *row_shape = table.shape
    if n_rows == 0:
        return zero(runtime, call, out)
    launches: list[Launch] = []
    row = layout.one_axis(row_shape, table.strides[1:])
    if row is None or row[1] not in (0, 1) or (row[1] == 0 and row[0] > 1):
        table, launches = elementwise.dense(runtime, call, table)
    indices, more = elementwise.dense(runtime, call, indices)
    moved = MOVED_AS[DTYPES[table.dtype]]
    source = KernelSource(
        name=f"take_{moved}",
        files=("index", "take"),
        defines=(("KERNEL", f"take_{moved}"), ("T", moved), *_index(indices.dtype)),
        parameters=("buffer", "long", "buffer", *("long",) * 3, "buffer", *("long",) * 3),
    )
    n_columns = prod(row_shape)
    arguments = (
        *(out.buffer, out.offset),
        *(table.buffer, table.offset, table.strides[0], n_rows),
        *(indices.buffer, indices.offset, indices.size),
        n_columns,
    )
    groups = (
        runtime.shares(-(-n_columns // runtime.lanes), n_columns),
        runtime.shares(indices.size, out.size),
    )
    return [*launches, *more, runtime.launch(call, source, arguments, groups)]


def bind_scatter_add(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "scatter_add"."""
    (indices, updates), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, indices.dtype, INDICES)
    elementwise.require_dtype(runtime, call, updates.dtype, elementwise.NUMBERS)
    if out.size == 0:
        return []
    indices, launches = elementwise.dense(runtime, call, indices)
    updates, more = elementwise.dense(runtime, call, updates)
    ctype = CTYPES[updates.dtype]
    source = KernelSource(
        name=f"scatter_add_{ctype}",
        files=("index", "scatter_add"),
        defines=(("KERNEL", f"scatter_add_{ctype}"), ("T", ctype), *_index(indices.dtype)),
        parameters=("buffer", *("long",) * 2, "buffer", *("long",) * 2, "buffer", "long", "long"),
    )
    n_rows, n_columns = out.shape[0], prod(out.shape[1:])
    arguments = (
        *(out.buffer, out.offset, n_rows),
        *(indices.buffer, indices.offset, indices.size),
        *(updates.buffer, updates.offset, n_columns),
    )
    # CPUs share the rows, GPUs the columns (and a few ranges of rows, as each walks all updates).
    is_cpu = runtime.device.kind == "cpu"
    groups = (1, runtime.shares(n_rows, out.size)) if is_cpu else (n_columns, min(n_rows, 64))
    return [*launches, *more, runtime.launch(call, source, arguments, groups)]


def zero(runtime: Runtime, call: Call, out: Operand) -> list[Launch]:
    """Return the launches that set `out`, a dense view, to zeros."""
    nothing = runtime.constant(Const(0, spec((), out.dtype)), out.shape)
    return elementwise.copy(runtime, call, nothing, out)


def _index(dtype: str) -> tuple[tuple[str, str], ...]:
    defines = (("INDEX", CTYPES[dtype]),)
    return (*defines, ("UNSIGNED", "")) if dtype.startswith("u") else defines
