"""Argsort: a merge sort of indices, one launch for each doubling of the sorted runs."""

from __future__ import annotations

from st.backend.opencl import elementwise, layout
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, KernelSource
from st.core.backend import DTYPES, Call


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "argsort"."""
    (x,), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, x.dtype, tuple(DTYPES))
    if out.size == 0:
        return []
    axis = call.attr("axis") % len(x.shape)
    launches: list[Launch] = []
    found = layout.reduction(x.shape, x.strides, (axis,))
    if found is None:
        x, launches = elementwise.dense(runtime, call, x)
        found = layout.reduction(x.shape, x.strides, (axis,))
        assert found is not None  # a dense array merges around one axis
    source = KernelSource(
        name=f"argsort_{CTYPES[x.dtype]}",
        files=("argsort",),
        defines=(("KERNEL", f"argsort_{CTYPES[x.dtype]}"), ("T", CTYPES[x.dtype])),
        parameters=(*("buffer", "long") * 3, *("long",) * 7),
    )
    n = found.shape[1]
    n_passes = max(1, (n - 1).bit_length())
    # Passes go to and fro between two buffers, so that the last writes the output.
    other = runtime.temporary(out.shape, "int64") if n_passes > 1 else out
    places = (out, other) if n_passes % 2 else (other, out)
    shares = runtime.shares(out.size, out.size * n_passes)
    for k in range(n_passes):
        goal, start = places[k % 2], places[1 - k % 2]
        arguments = (
            *(goal.buffer, goal.offset, start.buffer, start.offset, x.buffer, x.offset),
            *(*found.shape, *found.strides, 1 << k),
        )
        launches.append(runtime.launch(call, source, arguments, (shares,)))
    return launches
