"""Random words, the same on every backend."""

from __future__ import annotations

from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import KernelSource
from st.core.backend import Call

_PHILOX = KernelSource(
    "philox", ("philox",), (), ("buffer", "long", "long", "buffer", "long", "long", "long")
)


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "philox"."""
    (seed,), (out,) = inputs, outputs
    if out.size == 0:
        return []
    # Kernels take signed numbers; the bits of the stream are the same.
    stream = (call.attr("stream") + (1 << 63)) % (1 << 64) - (1 << 63)
    what = (seed.buffer, seed.offset, seed.strides[0], stream)
    shares = runtime.shares(-(-out.size // (4 * runtime.lanes)), out.size)
    arguments = (out.buffer, out.offset, out.size, *what)
    return [runtime.launch(call, _PHILOX, arguments, (shares,))]
