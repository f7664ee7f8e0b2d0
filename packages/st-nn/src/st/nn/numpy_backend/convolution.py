"""Bind functions of convolution and its gradients: a few images at a time, in the cache.

The windows of an image, laid side by side as rows of a matrix, are nine times the image for a
kernel of 3 x 3. All images at once, that matrix lies in main memory: on 64 images of 28 x 28 with
16 channels it took 11 ms to write and made the products wait, twice as long as for a matrix that
stays in the cache. So it is made anew for a few images, multiplied, and forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

Array = NDArray[Any]
Pair = tuple[int, int]

STRIP_BYTES = 1 << 17
"""Windows laid out at once: the matrix, what it is made of and the result fit a second-level cache.
Forward on 64 x 8 x 8 x 16 took 0.41 ms with 74 KB, 0.46 with 300; on 64 x 28 x 28 x 16 one image
is 450 KB, which took 5.8 ms, and so did two."""
BAND_BYTES = 1 << 19
"""From this size on a single image is taken in bands of rows."""


class Columns:
    """The windows of images, strip by strip, as the rows of a matrix.

    Args:
        x: `(n, height, width, channels)`, any strides.
        size: Rows and columns of a window.
        margin: Zeros above and below, left and right.
        stride: How far apart windows begin.
        dilation: How far apart the elements of a window are.
    """

    def __init__(
        self, x: Array, size: Pair, margin: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)
    ) -> None:
        n, height, width, channels = x.shape
        (above, aside), reach = margin, [(k - 1) * d for k, d in zip(size, dilation, strict=True)]
        self.parts: list[tuple[list[Launch], Array, slice]] = []
        """For each strip what lays its windows out, the matrix, and the rows it is of all."""
        n_rows = (height + 2 * above - reach[0] - 1) // stride[0] + 1
        n_columns = (width + 2 * aside - reach[1] - 1) // stride[1] + 1
        row = n_columns * prod(size) * channels
        row_bytes = max(1, row * x.itemsize)
        n_images = min(max(1, STRIP_BYTES // (row_bytes * n_rows)), max(1, n))
        band = n_rows if n_images > 1 else min(n_rows, max(1, BAND_BYTES // row_bytes))
        padded = np.zeros((n_images, height + 2 * above, width + 2 * aside, channels), x.dtype)
        matrix = np.empty(n_images * band * row, x.dtype)
        for first in range(0, n, n_images):
            source = x[first : first + n_images]
            copies: list[Launch] = []
            if above or aside:
                inside = padded[: len(source), above : above + height, aside : aside + width]
                copies.append(partial(np.copyto, inside, source))
                source = padded[: len(source)]
            seen = windows(source, size, (n_rows, n_columns), stride, dilation)
            for top in range(0, n_rows, band):
                part = seen[:, top : top + band]
                into = matrix[: part.size].reshape(part.shape)
                copies.append(partial(np.copyto, into, part))
                start = (first * n_rows + top) * n_columns
                count = prod(part.shape[:3])
                rows = into.reshape(count, prod(size) * channels)
                self.parts.append((copies, rows, slice(start, start + count)))
                copies = []


def windows(x: Array, size: Pair, counts: Pair, stride: Pair, dilation: Pair) -> Array:
    """Return the view `(n, rows, columns, *size, channels)` of the windows of images."""
    image, down, right, channel = x.strides
    shape = (len(x), *counts, *size, x.shape[3])
    between = (down * stride[0], right * stride[1])
    within = (down * dilation[0], right * dilation[1])
    strides = (image, *between, *within, channel)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)


def conv2d(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the product of windows and kernel."""
    (x, kernel), (out,) = inputs, outputs
    height, width, _, filters = kernel.shape
    columns = Columns(
        x, (height, width), call.attr("padding"), call.attr("stride"), call.attr("dilation")
    )
    launches, flat = _as_matrix(kernel, filters)
    goal = out.reshape(-1, filters)
    for copies, rows, part in columns.parts:
        launches += [*copies, partial(np.dot, rows, flat, goal[part])]
    return partial(_each, launches)


def input_gradient(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the gradient of the images: the convolution of `dy` with the kernel turned around.

    That adds in the product what would else be added window by window in nine strided passes.
    """
    (dy, kernel), (out,) = inputs, outputs
    height, width, channels, filters = kernel.shape
    turned = np.empty((height, width, filters, channels), kernel.dtype)
    columns = Columns(dy, (height, width), _turned_margin(call), dilation=call.attr("dilation"))
    around = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    launches: list[Launch] = [partial(np.copyto, turned, around)]
    flat, goal = turned.reshape(-1, channels), out.reshape(-1, channels)
    for copies, rows, part in columns.parts:
        launches += [*copies, partial(np.dot, rows, flat, goal[part])]
    return partial(_each, launches)


def kernel_gradient(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the gradient of the kernel: windows, laid out again, times `dy`, strip after strip."""
    (x, dy), (out,) = inputs, outputs
    height, width, _, filters = call.attr("shape")
    columns = Columns(
        x, (height, width), call.attr("padding"), call.attr("stride"), call.attr("dilation")
    )
    launches, pixels = _as_matrix(dy, filters)
    goal = out.reshape(-1, filters)
    share = np.empty(goal.shape, goal.dtype)
    launches += [] if columns.parts else [partial(goal.fill, 0)]
    for n, (copies, rows, part) in enumerate(columns.parts):
        launches += [*copies, partial(np.dot, rows.T, pixels[part], share if n else goal)]
        launches += [partial(np.add, goal, share, goal)] if n else []
    return partial(_each, launches)


def _as_matrix(x: Array, n_columns: int) -> tuple[list[Launch], Array]:
    """Return x as a matrix, and what copies it there first where it does not lie in order."""
    if x.flags.c_contiguous:
        return [], x.reshape(-1, n_columns)
    dense = np.empty(x.shape, x.dtype)
    return [partial(np.copyto, dense, x)], dense.reshape(-1, n_columns)


def _turned_margin(call: Call) -> Pair:
    """Return the zeros around `dy` with which every window of it meets the kernel turned."""
    (above, aside), (apart, beside) = call.attr("padding"), call.attr("dilation")
    height, width = call.inputs[1].spec.shape[:2]
    return (height - 1) * apart - above, (width - 1) * beside - aside


def is_ours(call: Call) -> bool:
    """Whether a call is done here; other forms of convolution are decomposed.

    Groups are. So are kernels of 1 x 1, which are one large product, and the gradient of images
    with a stride, where the kernel turned would meet mostly zeros.
    """
    if call.attr("groups") != 1:
        return False
    if call.op == "conv2d_input_gradient":
        is_turnable = call.attr("stride") == (1, 1) and min(_turned_margin(call)) >= 0
        return is_turnable and call.inputs[1].spec.shape[:2] != (1, 1)
    kernel = call.inputs[1].spec.shape if call.op == "conv2d" else call.attr("shape")
    return bool(kernel[:2] != (1, 1))


def _each(launches: Sequence[Launch]) -> None:
    for launch in launches:
        launch()


BINDERS: dict[str, Binder] = {
    "conv2d": conv2d,
    "conv2d_input_gradient": input_gradient,
    "conv2d_kernel_gradient": kernel_gradient,
}
