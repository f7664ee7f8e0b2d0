"""Convolution of images `(batch, height, width, channels)`, and its two gradients."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, spec
from st.nn.ops.join import pad
from st.nn.ops.matmul import matmul
from st.nn.ops.rules import FLOATS, one_dtype
from st.nn.ops.window import Pair, n_windows, pair, windows
from st.nn.tape import Applied, Attrs, Operator, ShapeError, Tensor, of_one, operators


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
        "stride": pair(stride),
        "padding": pair(padding),
        "dilation": pair(dilation),
        "groups": groups,
    }
    return x.tape.emit("conv2d", (x, kernel), attrs)[0]


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
    rows, columns = n_windows(padded, size, attrs["stride"], attrs["dilation"])
    return (spec((n, rows, columns, kernel.shape[3]), dtype),)


def _input_shape(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    return (spec(attrs["shape"], one_dtype(inputs, FLOATS)),)


def _conv2d(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Lay the windows side by side as rows of a matrix, and multiply it by the kernel."""
    x, kernel = inputs
    filters = kernel.shape[3]
    made, (n, rows, columns) = _rows(x, kernel.shape, attrs)
    product = matmul(made, _matrices(kernel, attrs["groups"]))
    return [_joined(product).reshape(n, rows, columns, filters)]


def _rows(x: Tensor, size: Sequence[int], attrs: Attrs) -> tuple[Tensor, tuple[int, int, int]]:
    """Return for each group the windows of x as rows of a matrix, and how they lie in images.

    `size` is the shape of the kernel. Gives `(groups, windows, values)`, or without the first axis
    where there is one group.
    """
    above, aside = attrs["padding"]
    if above or aside:
        x = pad(x, ((0, 0), (above, above), (aside, aside), (0, 0)))
    height, width, part, _ = size
    seen = windows(x, (height, width), stride=attrs["stride"], dilation=attrs["dilation"])
    n, rows, columns = seen.shape[:3]
    n_rows, groups = n * rows * columns, attrs["groups"]
    if groups == 1:
        return seen.reshape(n_rows, height * width * part), (n, rows, columns)
    split = seen.reshape(n_rows, height * width, groups, part).transpose(2, 0, 1, 3)
    return split.reshape(groups, n_rows, height * width * part), (n, rows, columns)


def _matrices(kernel: Tensor, groups: int) -> Tensor:
    """Return the kernel as a matrix, one for each group where there are several."""
    height, width, part, filters = kernel.shape
    flat = kernel.reshape(height * width * part, filters)
    return flat if groups == 1 else _parted(flat, groups)


def _parted(x: Tensor, groups: int) -> Tensor:
    """Return the columns of a matrix as one matrix for each group."""
    n_rows, n_columns = x.shape
    return x.reshape(n_rows, groups, n_columns // groups).transpose(1, 0, 2)


def _joined(x: Tensor) -> Tensor:
    """Return the matrices of groups side by side; one alone is left as it is."""
    return x if x.ndim == 2 else x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def _pixels(dy: Tensor, groups: int) -> Tensor:
    """Return the gradient of the result as a matrix, one for each group where there are several."""
    flat = dy.reshape(-1, dy.shape[3])
    return flat if groups == 1 else _parted(flat, groups)


def _input_gradient(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Multiply by the kernel turned, and add every window where it came from."""
    dy, kernel = inputs
    n, height, width, channels = attrs["shape"]
    above, aside = attrs["padding"]
    groups = attrs["groups"]
    each = matmul(_pixels(dy, groups), _matrices(kernel, groups).T)
    n_rows, n_columns, part, _ = kernel.shape
    if groups > 1:
        split = each.reshape(groups, -1, n_rows * n_columns, part)
        each = split.transpose(1, 2, 0, 3)
    seen = each.reshape(*dy.shape[:3], n_rows, n_columns, channels)
    padded = (n, height + 2 * above, width + 2 * aside, channels)
    steps = {"stride": attrs["stride"], "dilation": attrs["dilation"]}
    (made,) = dy.tape.emit("overlap_add", (seen,), {"shape": padded, **steps})
    return [made[:, above : above + height, aside : aside + width]]


def _kernel_gradient(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Multiply the rows of windows, turned, by the gradient of what was made from them."""
    x, dy = inputs
    rows, _ = _rows(x, attrs["shape"], attrs)
    return [_joined(matmul(rows.T, _pixels(dy, attrs["groups"]))).reshape(*attrs["shape"])]


def _conv2d_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    x, kernel = at.inputs
    return [
        _emit("conv2d_input_gradient", dy, kernel, x, at.attrs) if at.wanted[0] else None,
        _emit("conv2d_kernel_gradient", x, dy, kernel, at.attrs) if at.wanted[1] else None,
    ]


def _input_gradient_vjp(at: Applied, ddx: Tensor) -> Sequence[Tensor | None]:
    dy, kernel = at.inputs
    return [
        _plain(ddx, kernel, at.attrs) if at.wanted[0] else None,
        _emit("conv2d_kernel_gradient", ddx, dy, kernel, at.attrs) if at.wanted[1] else None,
    ]


def _kernel_gradient_vjp(at: Applied, dk: Tensor) -> Sequence[Tensor | None]:
    x, dy = at.inputs
    return [
        _emit("conv2d_input_gradient", dy, dk, x, at.attrs) if at.wanted[0] else None,
        _plain(x, dk, at.attrs) if at.wanted[1] else None,
    ]


def _plain(x: Tensor, kernel: Tensor, attrs: Attrs) -> Tensor:
    """Return the convolution with the attributes of one of its gradients."""
    own = {name: value for name, value in attrs.items() if name != "shape"}
    return x.tape.emit("conv2d", (x, kernel), own)[0]


def _emit(op: str, left: Tensor, right: Tensor, like: Tensor, attrs: Attrs) -> Tensor:
    """Return a gradient with the shape of `like`."""
    return left.tape.emit(op, (left, right), {**attrs, "shape": like.shape})[0]


operators.register(Operator("conv2d", _filtered, of_one(_conv2d_vjp), _conv2d))
operators.register(
    Operator("conv2d_input_gradient", _input_shape, of_one(_input_gradient_vjp), _input_gradient, 2)
)
operators.register(
    Operator(
        "conv2d_kernel_gradient", _input_shape, of_one(_kernel_gradient_vjp), _kernel_gradient, 2
    )
)
