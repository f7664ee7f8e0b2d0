"""Matrix products: register tiles for floats on CPUs, a plain kernel for everything else."""

from __future__ import annotations

from math import prod

from st.backend.opencl import elementwise, layout
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, KernelSource
from st.core.backend import Call

ROWS, COLUMNS = 6, 64
"""The register tile of gemm.cl."""

ROW_PANELS, COLUMN_PANELS = 16, 4
"""Tiles that share a work-item: their panels of A and B stay in the second-level cache."""

DIRECT_BYTES = 256 << 10
"""B up to this size is read in place: packing it would cost more than it saves."""

LEAST_OPERATIONS = 1 << 20
"""Multiplications below which a product is not worth a second thread."""


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "matmul"; operands may have any strides, views of transposed matrices cost nothing."""
    (a, b), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, a.dtype, elementwise.NUMBERS)
    if out.size == 0:
        return []
    a, launches = _batched(runtime, call, a)
    b, more = _batched(runtime, call, b)
    c = Operand(out.buffer, out.dtype, (prod(out.shape[:-2]), *out.shape[-2:]), (), out.offset)
    product = _tiled if a.dtype == "float32" and runtime.device.kind == "cpu" else _plain
    return [*launches, *more, *product(runtime, call, a, b, c)]


def _batched(runtime: Runtime, call: Call, x: Operand) -> tuple[Operand, list[Launch]]:
    """Return `x` with its leading axes merged into one."""
    batch = layout.one_axis(x.shape[:-2], x.strides[:-2])
    launches: list[Launch] = []
    if batch is None:
        x, launches = elementwise.dense(runtime, call, x)
        batch = layout.one_axis(x.shape[:-2], x.strides[:-2])
        assert batch is not None  # a dense array merges
    shape = (batch[0], *x.shape[-2:])
    return Operand(x.buffer, x.dtype, shape, (batch[1], *x.strides[-2:]), x.offset), launches


def _plain(runtime: Runtime, call: Call, a: Operand, b: Operand, c: Operand) -> list[Launch]:
    ctype = CTYPES[a.dtype]
    source = KernelSource(
        name=f"matmul_{ctype}",
        files=("matmul",),
        defines=(("KERNEL", f"matmul_{ctype}"), ("T", ctype)),
        parameters=("buffer", "long", *("buffer", "long", "long4") * 2, "long", "long", "long"),
    )
    n_batch, m, n = c.shape
    k = a.shape[2]
    arguments = (
        *(c.buffer, c.offset, a.buffer, a.offset, a.strides, b.buffer, b.offset, b.strides),
        *(m, n, k),
    )
    operations = n_batch * m * n * max(k, 1)
    groups = (
        runtime.shares(-(-n // runtime.lanes), n * max(k, 1)) if runtime.lanes == 1 else 1,
        runtime.shares(m, operations),
        n_batch,
    )
    return [runtime.launch(call, source, arguments, groups)]


def _tiled(runtime: Runtime, call: Call, a: Operand, b: Operand, c: Operand) -> list[Launch]:
    n_batch, m, n = c.shape
    k = a.shape[2]
    n_rows, n_columns = -(-m // ROWS), -(-n // COLUMNS)
    is_small = k * n * 4 <= DIRECT_BYTES or n_rows <= 2
    is_direct = is_small and b.strides[2] == 1 and n % COLUMNS == 0
    launches = []
    if not is_direct:
        packed = runtime.temporary((n_batch, n_columns * COLUMNS, k), "float32")
        what = (packed.buffer, b.buffer, b.offset, b.strides, n, k)
        launches.append(runtime.launch(call, _PACK, what, (n_columns, 1, n_batch)))
        b = Operand(packed.buffer, b.dtype, b.shape, b.strides)
    source = _gemm(a.strides[2] == 1, is_direct)
    groups = (1, 1)
    if m * n * k >= LEAST_OPERATIONS:
        columns = -(-n_columns // COLUMN_PANELS)
        wanted = -(-runtime.device.n_units * 8 // columns)
        groups = (max(-(-n_rows // ROW_PANELS), min(n_rows, wanted)), columns)
    arguments = (
        *(c.buffer, c.offset, a.buffer, a.offset, a.strides, b.buffer, b.offset, b.strides),
        *(m, n, k),
    )
    launches.append(runtime.launch(call, source, arguments, (*groups, n_batch)))
    return launches


_PACK = KernelSource(
    "pack_b", ("panel", "pack"), (), ("buffer", "buffer", "long", "long4", "long", "long")
)


def _gemm(is_a_unit: bool, is_b_direct: bool) -> KernelSource:
    flags = {"A_UNIT": is_a_unit, "B_DIRECT": is_b_direct}
    return KernelSource(
        "gemm",
        ("panel", "gemm"),
        tuple((flag, "") for flag, is_set in flags.items() if is_set),
        ("buffer", "long", *("buffer", "long", "long4") * 2, "long", "long", "long"),
    )
