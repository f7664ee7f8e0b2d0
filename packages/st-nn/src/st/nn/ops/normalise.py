"""Operators that bring values to mean 0 and variance 1: spread over axes, batch and RMS norm."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from st.core.backend import Spec, spec
from st.nn.ops.elementwise import sqrt
from st.nn.ops.reduce import Axes, mean, sum
from st.nn.ops.rules import FLOATS, normal_axes, one_dtype
from st.nn.tape import Applied, Attrs, Operator, ShapeError, Tensor, of_one, operators


def var(x: Tensor, axes: Axes = None, *, keep_axes: bool = False, correction: int = 0) -> Tensor:
    """Return the mean squared distance from the mean over `axes` (None: all) of a floating tensor.

    Args:
        x: The values.
        axes: What is averaged over.
        keep_axes: Leave those axes with length 1.
        correction: What is taken off the number of values before dividing by it; 1 gives the
            unbiased estimate. NaN where nothing is left to divide by.
    """
    n = prod(x.shape[axis] for axis in normal_axes(axes, x.ndim))
    centred = x - mean(x, axes, keep_axes=True)
    total = sum(centred * centred, axes, keep_axes=keep_axes)
    return total * (1.0 / (n - correction) if n > correction else float("nan"))


def std(x: Tensor, axes: Axes = None, *, keep_axes: bool = False, correction: int = 0) -> Tensor:
    """Return the square root of `var`; it has no gradient where that is 0."""
    return sqrt(var(x, axes, keep_axes=keep_axes, correction=correction))


def batch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, *, axis: int = -1, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Return x with mean `shift` and deviation `scale` in each channel, and what they were.

    Ioffe and Szegedy, Batch Normalization, 2015 (arXiv 1502.03167), algorithm 1.

    Args:
        x: Floating; every axis but `axis` is averaged over.
        scale: `(channels,)`.
        shift: `(channels,)`.
        axis: The axis of channels.
        eps: Added to the variance; keeps a channel of one value finite.

    Returns:
        The result, and the mean and the variance (divided by the number of values) of each
        channel, `(channels,)`, from which running statistics are made.

    Raises:
        ShapeError: `scale` or `shift` is not `(channels,)`, or a channel has no values.
    """
    attrs = {"axis": normal_axes(axis, x.ndim)[0], "eps": eps}
    y, average, variance = x.tape.emit("batch_norm", (x, scale, shift), attrs)
    return y, average, variance


def batch_norm_fixed(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    average: Tensor,
    variance: Tensor,
    *,
    axis: int = -1,
    eps: float = 1e-5,
) -> Tensor:
    """Return what `batch_norm` gives with a known mean and variance of each channel."""
    (normal,) = normal_axes(axis, x.ndim)
    shape = _row(x.shape, normal)
    factor = scale / sqrt(variance + eps)
    return x * factor.reshape(*shape) + (shift - average * factor).reshape(*shape)


def rms_norm(x: Tensor, scale: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Return x over its root mean square along the last axis, times `scale`.

    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019 (arXiv 1910.07467).

    Args:
        x: Floating, `(..., n)`.
        scale: `(n,)`.
        eps: Added to the mean square; keeps a row of zeros finite.

    Raises:
        ShapeError: `scale` is not `(n,)`, or n is 0.
    """
    return x.tape.emit("rms_norm", (x, scale), {"eps": eps})[0]


def _row(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Return `shape` with length 1 everywhere but at `axis`."""
    return tuple(n if a == axis else 1 for a, n in enumerate(shape))


def _batch(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, scale, shift = inputs
    dtype = one_dtype(inputs, FLOATS)
    n_channels = x.shape[attrs["axis"]]
    if scale.shape != (n_channels,) or shift.shape != (n_channels,):
        raise ShapeError(f"takes scale and shift of shape ({n_channels},)")
    if x.size == 0:
        raise ShapeError("there are no values to average")
    each = spec((n_channels,), dtype)
    return x, each, each


def _batch_norm(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    x, scale, shift = inputs
    shape = _row(x.shape, attrs["axis"])
    others = tuple(a for a in range(x.ndim) if a != attrs["axis"])
    average = mean(x, others, keep_axes=True)
    centred = x - average
    variance = mean(centred * centred, others, keep_axes=True)
    factor = scale.reshape(*shape) / sqrt(variance + attrs["eps"])
    y = centred * factor + shift.reshape(*shape)
    return [y, average.reshape(-1), variance.reshape(-1)]


def _batch_norm_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    (x, scale, _), (_, average, variance) = at.inputs, at.outputs
    shape = _row(x.shape, at.attrs["axis"])
    others = tuple(a for a in range(x.ndim) if a != at.attrs["axis"])
    n = x.spec.size // shape[at.attrs["axis"]]
    inverse = (1.0 / sqrt(variance + at.attrs["eps"])).reshape(*shape)
    centred = x - average.reshape(*shape)
    normal = centred * inverse
    dx = dscale = dshift = None
    if dy[0] is not None:
        dscale, dshift = sum(dy[0] * normal, others), sum(dy[0], others)
        spread = dy[0] - (dshift.reshape(*shape) + normal * dscale.reshape(*shape)) * (1.0 / n)
        dx = spread * (inverse * scale.reshape(*shape))
    if dy[1] is not None:
        dx = _plus(dx, (dy[1] * (1.0 / n)).reshape(*shape).broadcast_to(x.shape))
    if dy[2] is not None:
        dx = _plus(dx, centred * (dy[2] * (2.0 / n)).reshape(*shape))
    return [dx, dscale, dshift]


def _plus(known: Tensor | None, more: Tensor) -> Tensor:
    return more if known is None else known + more


def _rows(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, scale = inputs
    one_dtype(inputs, FLOATS)
    if not x.shape or x.shape[-1] == 0:
        raise ShapeError("takes rows of at least one value")
    if scale.shape != x.shape[-1:]:
        raise ShapeError(f"takes a scale of shape ({x.shape[-1]},)")
    return (x,)


def _inverse_root(x: Tensor, eps: float) -> Tensor:
    return 1.0 / sqrt(mean(x * x, -1, keep_axes=True) + eps)


def _rms_norm(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    x, scale = inputs
    return [x * _inverse_root(x, attrs["eps"]) * scale]


def _rms_norm_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    x, scale = at.inputs
    # Written like the forward calls, so that a plan works it out once.
    inverse = _inverse_root(x, at.attrs["eps"])
    normal = x * inverse
    through = dy * scale
    dx = (through - normal * mean(through * normal, -1, keep_axes=True)) * inverse
    return [dx, sum(dy * normal, tuple(range(x.ndim - 1)))]


operators.register(Operator("batch_norm", _batch, _batch_norm_vjp, _batch_norm, 3))
operators.register(Operator("rms_norm", _rows, of_one(_rms_norm_vjp), _rms_norm, 2))
