"""Elementwise operators: a table of expressions, one kernel text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from st.backend.opencl import layout
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, MOVED_AS, KernelSource, Parameter
from st.core.backend import DTYPES, Call

EXPRESSIONS: Mapping[str, str] = {
    "neg": "-(x)",
    "exp": "st_exp_TYPE(x)",
    "log": "st_log_TYPE(x)",
    "sqrt": "sqrt(x)",
    "tanh": "st_tanh_TYPE(x)",
    "add": "(x) + (y)",
    "sub": "(x) - (y)",
    "mul": "(x) * (y)",
    "div": "(x) / (y)",
    "maximum": "MAXIMUM(x, y)",
    "where": "CONVERT(TYPE, x) != (v_TYPE)(0) ? (y) : (z)",
    "copy": "x",
}
"""Operator to expression over x, y, z: vectors of the inputs; TYPE is the element type."""

RELATIONS: Mapping[str, str] = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}

FLOATS = ("float32", "float64")
NUMBERS = (*FLOATS, "int32", "int64", "uint32", "uint64")
TAKES: Mapping[str, tuple[str, ...]] = {
    "neg": NUMBERS,
    "exp": FLOATS,
    "log": FLOATS,
    "sqrt": FLOATS,
    "tanh": FLOATS,
    "add": NUMBERS,
    "sub": NUMBERS,
    "mul": NUMBERS,
    "div": FLOATS,
}
"""Dtypes of the operators that do not take all of them."""

OPERATORS = (*EXPRESSIONS, "compare", "cast")

_LETTERS = "xyz"
_OPERAND: tuple[Parameter, ...] = ("buffer", "long", "long8")


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind one elementwise call."""
    (out,) = outputs
    for x in inputs:
        require_dtype(runtime, call, x.dtype, TAKES.get(call.op, tuple(DTYPES)))
    op = call.attr("relation") if call.op == "compare" else call.op
    return apply(runtime, call, op, inputs, out)


def copy(runtime: Runtime, call: Call, x: Operand, out: Operand) -> list[Launch]:
    """Return the launches that copy `x` to `out`, of the same shape and dtype."""
    return apply(runtime, call, "copy", (x,), out)


def dense(runtime: Runtime, call: Call, x: Operand) -> tuple[Operand, list[Launch]]:
    """Return `x` in C order and the launches that make it so: none when it is already."""
    if x.is_dense:
        return x, []
    made = runtime.temporary(x.shape, x.dtype)
    return made, copy(runtime, call, x, made)


def around_axis(
    runtime: Runtime, call: Call, x: Operand
) -> tuple[Operand, layout.Reduction, list[Launch]]:
    """Return `x` as (outer, axis, inner) around the attribute "axis" of `call`.

    An input with more axes than that is made dense first, by the launches given last.
    """
    axis = call.attr("axis") % len(x.shape)
    launches: list[Launch] = []
    found = layout.reduction(x.shape, x.strides, (axis,))
    if found is None:
        x, launches = dense(runtime, call, x)
        found = layout.reduction(x.shape, x.strides, (axis,))
        assert found is not None  # a dense array merges around one axis
    return x, found, launches


def apply(
    runtime: Runtime, call: Call, op: str, inputs: tuple[Operand, ...], out: Operand
) -> list[Launch]:
    """Return the launch of the kernel of `op`, over operands of one shape, as part of `call`.

    Args:
        runtime: Where it runs.
        call: What it is for.
        op: A key of `EXPRESSIONS` or `RELATIONS`, or "cast".
        inputs: What it reads.
        out: What it writes.
    """
    return launch(
        runtime, call, _source(op, tuple(x.dtype for x in inputs), out.dtype), inputs, out
    )


def launch(
    runtime: Runtime, call: Call, source: KernelSource, inputs: tuple[Operand, ...], out: Operand
) -> list[Launch]:
    """Return the launch of a kernel made by `source`, over operands of one shape."""
    if out.size == 0:
        return []
    operands = (out, *inputs)
    found = layout.elementwise(out.shape, [x.strides for x in operands])
    if len(found.shape) > layout.MAX_AXES:
        raise runtime.error(
            f"{len(found.shape)} axes that cannot be merged, at most {layout.MAX_AXES} can be "
            "walked: copy an input to C order first",
            call,
        )
    found = found.padded()
    n_columns = found.shape[-1]
    arguments: list[object] = [found.shape]
    for x, strides in zip(operands, found.strides, strict=True):
        arguments += [x.buffer, x.offset, strides]
    groups = runtime.spread(out.size // n_columns, n_columns)
    return [runtime.launch(call, source, arguments, groups)]


def require_dtype(runtime: Runtime, call: Call, dtype: str, accepted: tuple[str, ...]) -> None:
    """Raise a `BackendError` unless `dtype` is accepted and the device has it."""
    if dtype not in accepted:
        raise runtime.error(f"takes {', '.join(accepted)}, got {dtype}: cast first", call)
    if dtype == "float64" and not runtime.device.has_float64:
        raise runtime.error(f"{runtime.device.name} has no float64: cast to float32 first", call)


def _source(op: str, inputs: tuple[str, ...], out: str) -> KernelSource:
    """Return the kernel of an operator for given dtypes."""
    types = [CTYPES[dtype] for dtype in inputs]
    made = CTYPES[out]
    name = f"{op}_{types[-1]}"
    if op == "cast":
        name = f"cast_{types[0]}_to_{made}"
    elif op in ("copy", "where"):
        made = MOVED_AS[DTYPES[out]]
        types = [made] if op == "copy" else ["uchar", made, made]
        name = f"{op}_{made}"
    return _kernel(name, expression(op, inputs, out).replace("TYPE", made), types, made)


def expression(op: str, inputs: Sequence[str], out: str) -> str:
    """Return what an operator computes of x, y, z; TYPE stands for the type of its output.

    Args:
        op: A key of `EXPRESSIONS` or `RELATIONS`, or "cast".
        inputs: Dtypes of its inputs.
        out: Dtype of its output.
    """
    if op in RELATIONS:
        return f"TRUTH((x) {RELATIONS[op]} (y))"
    if op != "cast":
        return EXPRESSIONS[op]
    if out == "bool" != inputs[0]:
        return f"TRUTH((x) != (v_{CTYPES[inputs[0]]})(0))"
    return "CONVERT(TYPE, x)"


def source(
    name: str,
    expression: str,
    inputs: Sequence[str],
    out: str,
    defines: tuple[tuple[str, str], ...] = (),
) -> KernelSource:
    """Return the kernel of an expression over x, y, z, of the given dtypes."""
    return _kernel(name, expression, [CTYPES[dtype] for dtype in inputs], CTYPES[out], defines)


def _kernel(
    name: str,
    expression: str,
    types: Sequence[str],
    made: str,
    defines: tuple[tuple[str, str], ...] = (),
) -> KernelSource:
    letters = _LETTERS[: len(types)]
    return KernelSource(
        name=name,
        files=("math", "elementwise") if "st_" in expression else ("elementwise",),
        defines=(
            ("KERNEL", name),
            (f"EXPRESSION({', '.join(letters)})", f"({expression})"),
            ("N_INPUTS", str(len(types))),
            ("OUT", made),
            *zip("ABC", types, strict=False),
            *defines,
        ),
        parameters=("long8", *_OPERAND * (1 + len(types))),
    )
