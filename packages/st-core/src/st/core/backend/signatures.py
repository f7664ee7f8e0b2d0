"""The shared vocabulary of operators: what every backend must know, and how each is called.

Elementwise operators get inputs that already have the shape of the output (broadcasting is a view
with stride 0) or are constants. Dtypes are never promoted here; whoever makes calls inserts "cast".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from st.core.backend.contract import Call, Const, spec

Kind = Literal["elementwise", "reduce", "other"]


@dataclass(frozen=True, slots=True)
class Signature:
    """How an operator is called: `n_inputs` views or constants, `n_outputs` views."""

    n_inputs: int
    doc: str
    kind: Kind = "elementwise"
    attrs: tuple[str, ...] = ()
    n_outputs: int = 1
    in_place: tuple[int, ...] = ()
    """Indices of inputs an output may overwrite, for operators that are not elementwise."""


REQUIRED: Mapping[str, Signature] = {
    "neg": Signature(1, "-x"),
    "exp": Signature(1, "e to the x"),
    "log": Signature(1, "natural logarithm"),
    "sqrt": Signature(1, "square root"),
    "tanh": Signature(1, "hyperbolic tangent"),
    "add": Signature(2, "x + y; integers wrap around"),
    "sub": Signature(2, "x - y; integers wrap around"),
    "mul": Signature(2, "x * y; integers wrap around"),
    "div": Signature(2, "x / y, floating point"),
    "maximum": Signature(2, "the larger; NaN if either is NaN"),
    "compare": Signature(2, "bool of x RELATION y; eq ne lt le gt ge", attrs=("relation",)),
    "where": Signature(3, "x where the bool condition holds, else y; inputs condition, x, y"),
    "cast": Signature(1, "x in the output's dtype, as NumPy's astype"),
    "copy": Signature(1, "x; the input may have any strides"),
    "sum": Signature(1, "sum over `axes`, which are gone from the output", "reduce", ("axes",)),
    "max": Signature(1, "largest over `axes` (not empty); NaN if any is NaN", "reduce", ("axes",)),
    "argmax": Signature(1, "index (int64) of the first largest along `axis`", "reduce", ("axis",)),
    "argsort": Signature(
        1,
        "indices (int64) that put x in ascending order along `axis`; equal ones stay in order, "
        "NaN come last",
        "other",
        ("axis",),
    ),
    "matmul": Signature(2, "(..., m, k) @ (..., k, n), equal leading axes", "other"),
    "take": Signature(
        2, "rows of x (axis 0) at integer indices, clamped to the table; inputs x, indices", "other"
    ),
    "scatter_add": Signature(
        2,
        "zeros of the output's shape, each row of updates added at its clamped index, in order of "
        "updates (deterministic); inputs indices, updates",
        "other",
    ),
    "philox": Signature(
        1,
        "random words (uint64) of any shape: the raw Philox4x64-10 stream; the input is a uint64 "
        "(2,), seed and step; the key is (seed, stream), the counter (block, 0, step, 0) for "
        "block 0, 1, ..., four words each, in order",
        "other",
        ("stream",),
    ),
}
"""Every backend has a kernel for these 22.

Philox4x64-10: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". The stream is a
constant below 2 to the 64, one for each place in a model that draws; the words are the same on
every backend. NumPy's `Philox` gives them, which counts up before it draws."""

SIGNATURES: dict[str, Signature] = dict(REQUIRED)
"""`REQUIRED` and the optional names that some backends have kernels of their own for."""

RELATIONS = ("eq", "ne", "lt", "le", "gt", "ge")


def check_call(call: Call) -> str | None:
    """Return what is wrong with the form of `call` by its signature, or None.

    Cheap enough for tests and conformance suites; recorders are trusted and do not call it.
    """
    signature = SIGNATURES.get(call.op)
    if signature is None:
        return f"unknown operator {call.op!r}"
    if len(call.inputs) != signature.n_inputs:
        return f"{call.op} takes {signature.n_inputs} inputs, got {len(call.inputs)}"
    if len(call.outputs) != signature.n_outputs:
        return f"{call.op} makes {signature.n_outputs} outputs, got {len(call.outputs)}"
    missing = [name for name in signature.attrs if name not in dict(call.attrs)]
    if missing:
        return f"{call.op} needs the attribute {missing[0]!r}"
    if signature.kind == "elementwise":
        shape = call.outputs[0].spec.shape
        for x in call.inputs:
            if not isinstance(x, Const) and x.spec.shape != shape:
                return f"{call.op} has an input {x.spec} and an output of shape {shape}"
    return _random_fault(call) if call.op == "philox" else None


def _random_fault(call: Call) -> str | None:
    """Return what is wrong with a "philox", which is bound to element types and a range."""
    given, made, stream = call.inputs[0], call.outputs[0].spec, call.attr("stream")
    if isinstance(given, Const) or given.spec is not spec((2,), "uint64"):
        return f"philox takes seed and step, a view uint64(2), got {given.spec}"
    if made.dtype != "uint64":
        return f"philox makes uint64, got an output {made}"
    if not 0 <= stream < 1 << 64:
        return f"philox needs a stream from 0 to 2**64 - 1, got {stream}"
    return None
