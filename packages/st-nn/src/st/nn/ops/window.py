"""Windows that slide over an image, and what is made from them: convolution and pooling.

Images are `(batch, height, width, channels)`.
"""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, View, spec
from st.nn.ops.join import pad
from st.nn.ops.matmul import matmul
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
    through_parts,
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
    size, stride, dilation = _pair(size), _pair(stride), _pair(dilation)
    try:
        rows, columns = _n_windows(x.spec, size, stride, dilation)
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


def conv2d(
    x: Tensor,
    kernel: Tensor,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Return the images filtered by a kernel (a cross-correlation, as everywhere in this trade).

    Args:
        x: Floating, `(batch, height, width, channels)`.
        kernel: `(rows, columns, channels / groups, filters)`.
        stride: How far apart windows begin.
        padding: Zeros around the image: above and below, left and right.
        dilation: How far apart the elements of a window are.
        groups: Parts the channels and the filters are divided into; filters see their part alone.

    Returns:
        `(batch, height', width', filters)`.

    Raises:
        ShapeError: The shapes do not fit, the groups do not divide, or no window fits.
    """
    attrs = {
        "stride": _pair(stride),
        "padding": _pair(padding),
        "dilation": _pair(dilation),
        "groups": groups,
    }
    return x.tape.emit("conv2d", (x, kernel), attrs)[0]


def max_pool2d(x: Tensor, size: Pair, *, stride: Pair | None = None) -> Tensor:
    """Return the largest in each window and channel; windows lie side by side without `stride`.

    Equal ones share the gradient.
    """
    return max(windows(x, size, stride=size if stride is None else stride), (3, 4))


def avg_pool2d(x: Tensor, size: Pair, *, stride: Pair | None = None) -> Tensor:
    """Return the mean of each window and channel; windows lie side by side without `stride`."""
    return mean(windows(x, size, stride=size if stride is None else stride), (3, 4))


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _n_windows(
    x: Spec, size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int]:
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
    fits = _n_windows(of, (x.shape[3], x.shape[4]), attrs["stride"], attrs["dilation"])
    if x.shape[1:3] != fits:
        raise ShapeError(f"an image of shape {of.shape} has {fits} such windows")
    return (of,)


def _overlap_add(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Add every window where it came from: one strided sum for each place in a window."""
    (x,) = inputs
    tape = x.tape
    _, rows, columns, height, width, _ = x.shape
    (down, right), (apart, aside) = attrs["stride"], attrs["dilation"]
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


def _filtered(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, kernel = inputs
    dtype = one_dtype(inputs, FLOATS)
    groups = attrs["groups"]
    if len(x.shape) != 4 or len(kernel.shape) != 4:
        raise ShapeError("takes images (batch, height, width, channels) and a kernel of four axes")
    if groups < 1 or x.shape[3] % groups or kernel.shape[3] % groups:
        raise ShapeError(f"{groups} groups do not divide the channels and the filters")
    if kernel.shape[2] * groups != x.shape[3]:
        raise ShapeError(
            f"the images have {x.shape[3]} channels, the kernel takes {kernel.shape[2] * groups}"
        )
    (above, aside) = attrs["padding"]
    if min(above, aside) < 0:
        raise ShapeError(f"the padding {attrs['padding']} is negative")
    n, height, width, channels = x.shape
    padded = spec((n, height + 2 * above, width + 2 * aside, channels), dtype)
    size = (kernel.shape[0], kernel.shape[1])
    rows, columns = _n_windows(padded, size, attrs["stride"], attrs["dilation"])
    return (spec((n, rows, columns, kernel.shape[3]), dtype),)


def _conv2d(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Lay the windows side by side as rows of a matrix, and multiply it by the kernel."""
    x, kernel = inputs
    above, aside = attrs["padding"]
    if above or aside:
        x = pad(x, ((0, 0), (above, above), (aside, aside), (0, 0)))
    height, width, part, filters = kernel.shape
    seen = windows(x, (height, width), stride=attrs["stride"], dilation=attrs["dilation"])
    n, rows, columns = seen.shape[:3]
    groups, size = attrs["groups"], height * width * part
    if groups == 1:
        flat = seen.reshape(n * rows * columns, size) @ kernel.reshape(size, filters)
        return [flat.reshape(n, rows, columns, filters)]
    split = seen.reshape(n * rows * columns, height * width, groups, part)
    left = split.transpose(2, 0, 1, 3).reshape(groups, n * rows * columns, size)
    each = filters // groups
    right = kernel.reshape(size, groups, each).transpose(1, 0, 2)
    made = matmul(left, right).transpose(1, 0, 2)
    return [made.reshape(n, rows, columns, filters)]


def _conv2d_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    return through_parts(_conv2d, at, dy)


operators.register(Operator("overlap_add", _overlapped, of_one(_overlap_add_vjp), _overlap_add))
operators.register(Operator("conv2d", _filtered, _conv2d_vjp, _conv2d))
