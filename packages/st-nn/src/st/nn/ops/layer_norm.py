"""Layer normalisation."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec
from st.nn.ops.elementwise import sqrt
from st.nn.ops.reduce import mean, sum
from st.nn.ops.rules import FLOATS, one_dtype
from st.nn.tape import Applied, Attrs, Operator, ShapeError, Tensor, of_one, operators


def layer_norm(x: Tensor, scale: Tensor, shift: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Return each row of x with mean 0 and variance 1, times `scale`, plus `shift`.

    Ba, Kiros and Hinton, Layer Normalization, 2016 (arXiv 1607.06450), equation 4.

    Args:
        x: Floating, `(..., n)`.
        scale: `(n,)`.
        shift: `(n,)`.
        eps: Added to the variance; keeps a row of one value finite.

    Raises:
        ShapeError: `scale` or `shift` is not `(n,)`, or n is 0.
    """
    return x.tape.emit("layer_norm", (x, scale, shift), {"eps": eps})[0]


def _rows(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, scale, shift = inputs
    one_dtype(inputs, FLOATS)
    if not x.shape or x.shape[-1] == 0:
        raise ShapeError("takes rows of at least one value")
    if scale.shape != x.shape[-1:] or shift.shape != x.shape[-1:]:
        raise ShapeError(f"takes scale and shift of shape ({x.shape[-1]},)")
    return (x,)


def _normal(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return x with mean 0 and variance 1 in each row, and what its rows were multiplied by."""
    centred = x - mean(x, -1, keep_axes=True)
    inverse = 1.0 / sqrt(mean(centred * centred, -1, keep_axes=True) + eps)
    return centred * inverse, inverse


def _layer_norm(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    x, scale, shift = inputs
    return [_normal(x, attrs["eps"])[0] * scale + shift]


def _layer_norm_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    x, scale, _ = at.inputs
    # Written like the forward calls, so that a plan works them out once.
    normal, inverse = _normal(x, at.attrs["eps"])
    others = tuple(range(x.ndim - 1))
    dx = None
    if at.wanted[0]:
        through = dy * scale
        along = mean(through * normal, -1, keep_axes=True)
        dx = (through - mean(through, -1, keep_axes=True) - normal * along) * inverse
    return [dx, sum(dy * normal, others), sum(dy, others)]


operators.register(Operator("layer_norm", _rows, of_one(_layer_norm_vjp), _layer_norm))
