"""Kernels that plugins add as an expression: one line of OpenCL C for an elementwise operator.

kernels.register("sine", "OpenCL", "sin(x)")
kernels.register("lerp", "OpenCL", "x + (y - x) * ATTR_weight")
"""

from __future__ import annotations

import re

from st.backend.opencl import elementwise
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES
from st.core.backend import Call

MOST_INPUTS = 3


def bind(
    expression: str,
    runtime: Runtime,
    call: Call,
    inputs: tuple[Operand, ...],
    outputs: tuple[Operand, ...],
) -> list[Launch]:
    """Bind an elementwise call whose result `expression` gives.

    Args:
        expression: Over x, y and z, the inputs in order: vectors of 16 on CPUs and single values
            on GPUs, so it is made of operators, `? :` and built-in functions that take both.
            TYPE stands for the element type of the output, ATTR_name for an attribute.
        runtime: Where it runs.
        call: What it is for.
        inputs: One to three, of the shape of the output.
        outputs: One.
    """
    if not 1 <= len(inputs) <= MOST_INPUTS or len(outputs) != 1:
        raise runtime.error(
            f"an expression makes one output of one to {MOST_INPUTS} inputs, "
            f"not {len(outputs)} of {len(inputs)}: register a bind function",
            call,
        )
    (out,) = outputs
    for x in (*inputs, out):
        elementwise.require_dtype(runtime, call, x.dtype, tuple(CTYPES))
    made = CTYPES[out.dtype]
    name = re.sub(r"\W", "_", f"added_{call.op}_{made}")
    attributes = tuple(
        (f"ATTR_{key}", _literal(value, out.dtype))
        for key, value in call.attrs
        if isinstance(value, bool | int | float)
    )
    types = [x.dtype for x in inputs]
    source = elementwise.source(
        name, expression.replace("TYPE", made), types, out.dtype, attributes
    )
    return elementwise.launch(runtime, call, source, inputs, out)


def with_attributes(expression: str, call: Call) -> str:
    """Return an expression with the attributes of `call` written out."""
    dtype = call.outputs[0].spec.dtype
    given = {key: value for key, value in call.attrs if isinstance(value, bool | int | float)}
    for key, value in given.items():
        expression = re.sub(rf"\bATTR_{key}\b", _literal(value, dtype), expression)
    return expression


def _literal(value: float | int | bool, dtype: str) -> str:
    """Return a number as OpenCL C; a float in the precision of the output, lest it be a double."""
    if isinstance(value, float) and value - value == 0:
        return f"({value!r}{'' if dtype == 'float64' else 'f'})"
    if isinstance(value, float):
        return "NAN" if value != value else f"({'-' if value < 0 else ''}INFINITY)"
    return f"({int(value)})"
