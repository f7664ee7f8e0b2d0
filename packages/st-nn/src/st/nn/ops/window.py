"""Windows that slide over an image, and pooling, which is made from them.

Images are `(batch, height, width, channels)`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from st.core.backend import Spec, View, spec
from st.nn.ops.join import pad
from st.nn.ops.reduce import max, mean
from st.nn.ops.rules import FLOATS, NUMBERS, one_dtype
from st.nn.tape import (
    Applied,
    Attrs,
    OperandError,
    Operator,
    ShapeError,
    Tensor,
    of_one,
    operators,
)

Pair = int | tuple[int, int]


def windows(x: Tensor, size: Pair, *, stride: Pair = 1, dilation: Pair = 1) -> Tensor:
    """Return a view of every window of `size` in an image; no element is copied.

    x `(batch, height, width, channels)` gives `(batch, rows, columns, *size, channels)`.

    Args:
        x: The images.
        size: Height and width of a window.
        stride: How far apart windows begin.
        dilation: How far apart the elements of a window are.

    Raises:
        ShapeError: x is no image, or no window fits into it.
    """
    size, stride, dilation = pair(size), pair(stride), pair(dilation)
    try:
        rows, columns = n_windows(x.spec, size, stride, dilation)
    except OperandError as error:
        raise error.at(op="windows", specs=(x.spec,), where=x.tape.where) from None
    n, _, _, channels = x.shape
    image, down, right, channel = x.view.strides
    shape = (n, rows, columns, *size, channels)
    between = (down * stride[0], right * stride[1])
    within = (down * dilation[0], right * dilation[1])
    strides = (image, *between, *within, channel)
    view = View(x.view.storage, spec(shape, x.dtype), strides, x.view.offset)
    attrs = {"stride": stride, "dilation": dilation}
    return x.tape.look(x, view, "windows", of_one(_windows_vjp), attrs)


def max_pool2d(x: Tensor, size: Pair, *, stride: Pair | None = None, padding: Pair = 0) -> Tensor:
    """Return the largest in each window and channel; windows lie side by side without `stride`.

    Equal ones share the gradient. What `padding` puts around the image is never larger.

    Raises:
        ShapeError: x is no image, no window fits, or one could hold nothing but padding.
    """
    lowest = float(np.finfo(x.dtype).min) if x.dtype in FLOATS else 0.0
    around = _surrounded(x, size, padding, lowest)
    return max(windows(around, size, stride=size if stride is None else stride), (3, 4))


def avg_pool2d(x: Tensor, size: Pair, *, stride: Pair | None = None, padding: Pair = 0) -> Tensor:
    """Return the mean of each window and channel; windows lie side by side without `stride`.

    The zeros that `padding` puts around the image count, as in PyTorch unless told otherwise.

    Raises:
        ShapeError: x is no image, no window fits, or one could hold nothing but padding.
    """
    around = _surrounded(x, size, padding, 0.0)
    return mean(windows(around, size, stride=size if stride is None else stride), (3, 4))


def _surrounded(x: Tensor, size: Pair, padding: Pair, value: float) -> Tensor:
    (above, aside), (height, width) = pair(padding), pair(size)
    if not above and not aside:
        return x
    if x.ndim != 4 or x.dtype not in FLOATS:
        reason = "padding takes floating images (batch, height, width, channels)"
        raise ShapeError(reason, op="windows", specs=(x.spec,), where=x.tape.where)
    if not (0 <= 2 * above <= height and 0 <= 2 * aside <= width):
        reason = f"the padding {above, aside} is more than half of a window {height, width}"
        raise ShapeError(reason, op="windows", specs=(x.spec,), where=x.tape.where)
    return pad(x, ((0, 0), (above, above), (aside, aside), (0, 0)), value)


def pair(value: Pair) -> tuple[int, int]:
    """Return one number for both axes of an image, or the two that were given."""
    return (value, value) if isinstance(value, int) else value


def n_windows(
    x: Spec, size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int]:
    """Return how many rows and columns of windows an image has.

    Raises:
        ShapeError: It is no image, a number is below 1, or no window fits.
    """
    if len(x.shape) != 4:
        raise ShapeError("takes images (batch, height, width, channels)")
    if min(*size, *stride, *dilation) < 1:
        raise ShapeError(f"size {size}, stride {stride} and dilation {dilation} are at least 1")
    reach = [(n - 1) * d + 1 for n, d in zip(size, dilation, strict=True)]
    if reach[0] > x.shape[1] or reach[1] > x.shape[2]:
        raise ShapeError(
            f"a window of {reach[0]} x {reach[1]} does not fit an image of "
            f"{x.shape[1]} x {x.shape[2]}"
        )
    return (x.shape[1] - reach[0]) // stride[0] + 1, (x.shape[2] - reach[1]) // stride[1] + 1


def _windows_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return dy.tape.emit("overlap_add", (dy,), {"shape": at.inputs[0].shape, **at.attrs})


def _overlapped(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    (x,) = inputs
    of = spec(attrs["shape"], one_dtype(inputs, NUMBERS))
    fits = n_windows(of, (x.shape[3], x.shape[4]), attrs["stride"], attrs["dilation"])
    if x.shape[1:3] != fits:
        raise ShapeError(f"an image of shape {of.shape} has {fits} such windows")
    return (of,)


def _overlap_add(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Add every window where it came from: one strided sum for each place in a window.

    Windows that lie side by side and fill the image are only laid out anew.
    """
    (x,) = inputs
    tape = x.tape
    n, rows, columns, height, width, channels = x.shape
    (down, right), (apart, aside) = attrs["stride"], attrs["dilation"]
    is_tiled = (down, right, apart, aside) == (height, width, 1, 1)
    if is_tiled and attrs["shape"] == (n, rows * height, columns * width, channels):
        return [x.transpose(0, 1, 3, 2, 4, 5).reshape(*attrs["shape"])]
    made = tape.full(attrs["shape"], 0, x.dtype)
    for i in range(height):
        for j in range(width):
            top, left = i * apart, j * aside
            part = made[
                :,
                top : top + (rows - 1) * down + 1 : down,
                left : left + (columns - 1) * right + 1 : right,
            ]
            tape.emit("add", (part, x[:, :, :, i, j]), out=(part,))
    return [made]


def _overlap_add_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (x,) = at.inputs
    stride, dilation = at.attrs["stride"], at.attrs["dilation"]
    return [windows(dy, (x.shape[3], x.shape[4]), stride=stride, dilation=dilation)]


operators.register(Operator("overlap_add", _overlapped, of_one(_overlap_add_vjp), _overlap_add))
