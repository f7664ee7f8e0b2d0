"""Convolution and its gradients as matrix products whose windows are never laid out.

Images are (batch, height, width, channels), kernels (rows, columns, channels, filters).
"""

from __future__ import annotations

from collections.abc import Sequence

from st.backend.opencl import elementwise
from st.backend.opencl.matmul import product
from st.backend.opencl.matrix import matrix
from st.backend.opencl.runtime import Launch, Operand, Runtime
from st.backend.opencl.source import CTYPES, KernelSource
from st.core.backend import Call

Pair = tuple[int, int]

OPERATORS = ("conv2d", "conv2d_input_gradient", "conv2d_kernel_gradient")


def is_supported(call: Call) -> bool:
    """Whether a convolution is done here; other forms are decomposed.

    Groups are, and the gradient of images with a stride, where the turned kernel would meet mostly
    zeros, or with more padding than the kernel reaches over.
    """
    if call.attr("groups") != 1:
        return False
    if call.op != "conv2d_input_gradient":
        return True
    return call.attr("stride") == (1, 1) and min(_turned_margin(call)) >= 0


def bind(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "conv2d": the windows as rows of a matrix, times the kernel as a matrix."""
    (x, kernel), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, x.dtype, elementwise.FLOATS)
    if out.size == 0:
        return []
    padded, launches = _framed(runtime, call, x, call.attr("padding"))
    kernel, more = elementwise.dense(runtime, call, kernel)
    size = kernel.shape[:2]
    windows = _windows(padded, size, out.shape[1:3], call.attr("stride"), call.attr("dilation"))
    a, b = matrix(windows, (), 3, 3), matrix(kernel, (), 3, 1)
    return [*launches, *more, *product(runtime, call, (), a, b, out)]


def bind_kernel_gradient(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "conv2d_kernel_gradient": the windows as columns of a matrix, times `dy`."""
    (x, dy), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, x.dtype, elementwise.FLOATS)
    if out.size == 0:
        return []
    padded, launches = _framed(runtime, call, x, call.attr("padding"))
    dy, more = elementwise.dense(runtime, call, dy)
    size = out.shape[:2]
    windows = _windows(padded, size, dy.shape[1:3], call.attr("stride"), call.attr("dilation"))
    a, b = matrix(windows, (), 3, 3).turned, matrix(dy, (), 3, 1)
    return [*launches, *more, *product(runtime, call, (), a, b, out)]


def bind_input_gradient(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "conv2d_input_gradient": `dy` in a wide frame, filtered by the kernel turned round."""
    (dy, kernel), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, dy.dtype, elementwise.FLOATS)
    if out.size == 0:
        return []
    padded, launches = _framed(runtime, call, dy, _turned_margin(call))
    size = kernel.shape[:2]
    windows = _windows(padded, size, out.shape[1:3], (1, 1), call.attr("dilation"))
    a, b = matrix(windows, (), 3, 3), matrix(_turned(kernel), (), 3, 1)
    return [*launches, *product(runtime, call, (), a, b, out)]


def bind_overlap_add(
    runtime: Runtime, call: Call, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]
) -> list[Launch]:
    """Bind "overlap_add": every window added where it came from, each pixel by one work-item."""
    (x,), (out,) = inputs, outputs
    elementwise.require_dtype(runtime, call, x.dtype, elementwise.NUMBERS)
    if out.size == 0:
        return []
    ctype = CTYPES[x.dtype]
    source = KernelSource(
        name=f"overlap_add_{ctype}",
        files=("overlap_add",),
        defines=(("KERNEL", f"overlap_add_{ctype}"), ("T", ctype)),
        parameters=("buffer", "long", "long4", "buffer", "long", "long8", "long8", "long4"),
    )
    (down, right), (apart, aside) = call.attr("stride"), call.attr("dilation")
    arguments = (
        *(out.buffer, out.offset, out.shape),
        *(x.buffer, x.offset, x.shape, x.strides, (down, right, apart, aside)),
    )
    n_rows = out.shape[0] * out.shape[1]
    groups = (runtime.shares(out.shape[3], 1), runtime.shares(n_rows, x.size))
    return [runtime.launch(call, source, arguments, groups)]


def _framed(runtime: Runtime, call: Call, x: Operand, margin: Pair) -> tuple[Operand, list[Launch]]:
    """Return images with zeros around them: above and below, left and right."""
    above, aside = margin
    if not above and not aside:
        return x, []
    x, launches = elementwise.dense(runtime, call, x)
    n, height, width, channels = x.shape
    made = runtime.temporary((n, height + 2 * above, width + 2 * aside, channels), x.dtype)
    ctype = CTYPES[x.dtype]
    source = KernelSource(
        name=f"frame_{ctype}",
        files=("frame",),
        defines=(("KERNEL", f"frame_{ctype}"), ("T", ctype)),
        parameters=("buffer", "long", "long", "long", "buffer", "long", "long", "long"),
    )
    lines, length = n * made.shape[1], width * channels
    arguments = (
        *(made.buffer, lines, made.shape[1], made.shape[2] * channels),
        *(x.buffer, x.offset, height, length),
    )
    groups = runtime.spread(lines, made.shape[2] * channels)
    return made, [*launches, runtime.launch(call, source, arguments, groups)]


def _windows(
    x: Operand, size: Sequence[int], counts: Sequence[int], stride: Pair, dilation: Pair
) -> Operand:
    """Return the view (n, rows, columns, *size, channels) of all windows of images."""
    image, down, right, channel = x.strides
    between = (down * stride[0], right * stride[1])
    within = (down * dilation[0], right * dilation[1])
    shape = (x.shape[0], *counts, *size, x.shape[3])
    return Operand(x.buffer, x.dtype, shape, (image, *between, *within, channel), x.offset)


def _turned(kernel: Operand) -> Operand:
    """Return a kernel turned by half a circle, as (rows, columns, filters, channels)."""
    height, width, channels, filters = kernel.shape
    down, right, channel, each = kernel.strides
    offset = kernel.offset + (height - 1) * down + (width - 1) * right
    shape = (height, width, filters, channels)
    return Operand(kernel.buffer, kernel.dtype, shape, (-down, -right, each, channel), offset)


def _turned_margin(call: Call) -> Pair:
    """Return the zeros around `dy` with which every window of it meets the kernel turned."""
    (above, aside), (apart, beside) = call.attr("padding"), call.attr("dilation")
    height, width = call.inputs[1].spec.shape[:2]
    return (height - 1) * apart - above, (width - 1) * beside - aside
