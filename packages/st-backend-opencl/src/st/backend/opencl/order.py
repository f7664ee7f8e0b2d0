"""Argsort: short runs by insertion, then a merge sort of indices, one launch for each doubling."""

from __future__ import annotations

from st.backend.opencl import elementwise
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, KernelSource
from st.core.backend import DTYPES, Call

RUN = 16
"""Elements that are sorted by insertion before merging begins."""

CHUNKS = {"cpu": 1024, "gpu": RUN}
"""Outputs that one work-item makes in a pass; a multiple of `RUN`."""


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "argsort"."""
    (x,), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, x.dtype, tuple(DTYPES))
    if out.size == 0:
        return []
    x, found, launches = elementwise.around_axis(runtime, call, x)
    chunk = CHUNKS[runtime.device.kind]
    ctype = CTYPES[x.dtype]
    source = KernelSource(
        name=f"argsort_{ctype}",
        files=("argsort",),
        defines=(
            ("KERNEL", f"argsort_{ctype}"),
            ("T", ctype),
            ("RUN", str(RUN)),
            ("CHUNK", str(chunk)),
        ),
        parameters=(*("buffer", "long") * 3, *("long",) * 7),
    )
    n = found.shape[1]
    n_merges = (-(-n // RUN) - 1).bit_length()
    widths = [0, *(RUN << k for k in range(n_merges))]
    # Passes go to and fro between two buffers, so that the last writes the output.
    other = runtime.temporary(out.shape, "int64") if n_merges else out
    places = (out, other) if n_merges % 2 == 0 else (other, out)
    shares = runtime.shares(out.size // n * -(-n // chunk), out.size * len(widths))
    for k, width in enumerate(widths):
        goal, start = places[k % 2], places[1 - k % 2]
        arguments = (
            *(goal.buffer, goal.offset, start.buffer, start.offset, x.buffer, x.offset),
            *(*found.shape, *found.strides, width),
        )
        launches.append(runtime.launch(call, source, arguments, (shares,)))
    return launches
