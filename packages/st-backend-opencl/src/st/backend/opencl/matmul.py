"""Matrix products: register tiles for floats on CPUs, tiles in local memory on GPUs, else plain."""

from __future__ import annotations

from math import prod

from st.backend.opencl import elementwise, layout
from st.backend.opencl.matrix import Matrix, last_stride, matrix, padded
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, KernelSource, Parameter
from st.core.backend import Call

LANES = 16
"""Floats in a vector on CPUs."""

TILE_ROWS = {1: 14, 2: 12, 4: 6}
"""Rows of the register tile of gemm.cl by its vectors: at most 24 of 32 registers for results."""

ROW_PANELS, COLUMN_PANELS = 16, 4
"""Tiles that share a work-item: their panels of A and B stay in the second-level cache."""

SHARES_PER_UNIT = 8
"""Work-items for each thread, where there are tiles for them."""

MOST_DIRECT_COLUMNS = 256
"""B with rows up to this length is read in place: its panels lie on few pages anyway."""

LEAST_OPERATIONS = 1 << 20
"""Multiplications below which a product is not worth a second thread."""

GPU_TILE = 32
"""Rows and columns of C that a work-group of a GPU makes; see tiles.cl."""

_MATRIX: tuple[Parameter, ...] = ("buffer", "long", *("long4",) * 5)
_SIZES: tuple[Parameter, ...] = ("buffer", "long", "long4", "long", "long", "long")


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "matmul"; operands may have any strides, views of transposed matrices cost nothing."""
    (a, b), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, a.dtype, elementwise.NUMBERS)
    if out.size == 0:
        return []
    launches: list[Launch] = []
    batch = layout.merge(out.shape[:-2], [a.strides[:-2], b.strides[:-2]])
    if not matrix(a, batch.strides[0], 1, 1).is_walkable(batch.shape):
        a, launches = elementwise.dense(runtime, call, a)
        b, more = elementwise.dense(runtime, call, b)
        launches += more
        batch = layout.merge(out.shape[:-2], [a.strides[:-2], b.strides[:-2]])
    left, right = (matrix(x, steps, 1, 1) for x, steps in zip((a, b), batch.strides, strict=True))
    return [*launches, *product(runtime, call, batch.shape, left, right, out)]


def product(
    runtime: Runtime, call: Call, batch: tuple[int, ...], a: Matrix, b: Matrix, out: Operand
) -> list[Launch]:
    """Return the launches of C = A B.

    Args:
        runtime: Where they run.
        call: What they are for.
        batch: Shape of the batch, which A and B have strides for.
        a: Walkable, as many columns as `b` has rows.
        b: Walkable, with columns that are one axis.
        out: C, dense.
    """
    if runtime.device.kind == "gpu":
        return [_in_tiles(runtime, call, batch, a, b, out)]
    if a.dtype == "float32":
        return _in_registers(runtime, call, batch, a, b, out)
    return [_plain(runtime, call, batch, a, b, out)]


def _arguments(batch: tuple[int, ...], a: Matrix, b: Matrix, out: Operand) -> tuple[object, ...]:
    """Return what all these kernels take: C, the batch, sizes, and where A and B lie."""
    shape, _ = padded((batch, batch))
    sizes = (a.n_rows, b.n_columns, a.n_columns)
    return (out.buffer, out.offset, shape, *sizes, *_described(a), *_described(b))


def _described(x: Matrix) -> tuple[object, ...]:
    _, batch = padded((x.batch, x.batch))
    return (x.buffer, x.offset, batch, *padded(x.rows), *padded(x.columns))


def _plain(
    runtime: Runtime, call: Call, batch: tuple[int, ...], a: Matrix, b: Matrix, out: Operand
) -> Launch:
    ctype = CTYPES[a.dtype]
    source = KernelSource(
        name=f"matmul_{ctype}",
        files=("matrix", "matmul"),
        defines=(("KERNEL", f"matmul_{ctype}"), ("T", ctype)),
        parameters=(*_SIZES, *_MATRIX * 2),
    )
    operations = out.size * max(a.n_columns, 1)
    groups = (1, runtime.shares(a.n_rows, operations), prod(batch))
    return runtime.launch(call, source, _arguments(batch, a, b, out), groups)


def _in_tiles(
    runtime: Runtime, call: Call, batch: tuple[int, ...], a: Matrix, b: Matrix, out: Operand
) -> Launch:
    ctype = CTYPES[a.dtype]
    source = KernelSource(
        name=f"tiles_{ctype}",
        files=("matrix", "tiles"),
        defines=(("KERNEL", f"tiles_{ctype}"), ("T", ctype), ("TILE", str(GPU_TILE))),
        parameters=(*_SIZES, *_MATRIX * 2),
    )
    n_tiles = -(-a.n_rows // GPU_TILE) * -(-b.n_columns // GPU_TILE)
    return runtime.launch(call, source, _arguments(batch, a, b, out), (1, n_tiles, prod(batch)))


def _in_registers(
    runtime: Runtime, call: Call, batch: tuple[int, ...], a: Matrix, b: Matrix, out: Operand
) -> list[Launch]:
    n_batch, m, n, k = prod(batch), a.n_rows, b.n_columns, a.n_columns
    vectors = 1 if n <= LANES else 2 if n <= 2 * LANES else 4
    rows, width = TILE_ROWS[vectors], vectors * LANES
    n_rows, n_columns = -(-m // rows), -(-n // width)
    can_be_direct = len(b.rows[0]) <= 1 and last_stride(b.columns) == 1 and n % width == 0
    is_direct = can_be_direct and (n <= MOST_DIRECT_COLUMNS or n_rows <= 2)
    launches = []
    if not is_direct:
        packed = runtime.temporary((n_batch, n_columns * width, k), "float32")
        shape, _ = padded((batch, batch))
        what = (packed.buffer, shape, n, k, *_described(b))
        launches.append(runtime.launch(call, _pack(vectors), what, (n_columns, 1, n_batch)))
        b = Matrix(packed.buffer, b.dtype, 0, b.batch, b.rows, b.columns)
    elif n > MOST_DIRECT_COLUMNS:
        # Larger batches pack, and are not to build anything then.
        runtime.programs.kernel(_pack(vectors))
    groups = (1, 1)
    if m * n * k >= LEAST_OPERATIONS:
        columns = -(-n_columns // COLUMN_PANELS)
        wanted = -(-runtime.device.n_units * SHARES_PER_UNIT // columns)
        groups = (max(-(-n_rows // ROW_PANELS), min(n_rows, wanted)), columns)
    arguments = (*_arguments(batch, a, b, out), int(is_direct))
    launches.append(runtime.launch(call, _gemm(vectors), arguments, (*groups, n_batch)))
    return launches


def _pack(vectors: int) -> KernelSource:
    return KernelSource(
        "pack_b",
        ("matrix", "total", "panel", "pack"),
        (("VECTORS", str(vectors)),),
        ("buffer", "long4", "long", "long", *_MATRIX),
    )


def _gemm(vectors: int) -> KernelSource:
    return KernelSource(
        "gemm",
        ("matrix", "panel", "gemm"),
        (("ROWS", str(TILE_ROWS[vectors])), ("VECTORS", str(vectors))),
        (*_SIZES, *_MATRIX * 2, "long"),
    )
