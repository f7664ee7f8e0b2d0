"""Smooth activations."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

from st.core.backend import Spec
from st.nn.ops.elementwise import exp, log, maximum, neg, tanh
from st.nn.ops.erf import erf
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import Applied, Attrs, DTypeError, Operator, Tensor, of_one, operators

_ROOT, _CUBIC = sqrt(2 / pi), 0.044715
_HALF_ROOT = sqrt(0.5)


def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e to the -x); 0 and 1 at the infinities."""
    return x.tape.emit("sigmoid", (x,))[0]


def silu(x: Tensor) -> Tensor:
    """Return x * sigmoid(x), also called swish (Elfwing, Uchibe and Doya 2018)."""
    return x.tape.emit("silu", (x,))[0]


def softplus(x: Tensor) -> Tensor:
    """Return the logarithm of 1 + e to the x; overflows nowhere."""
    return x.tape.emit("softplus", (x,))[0]


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """Return x times the normal distribution function of x.

    Hendrycks and Gimpel: Gaussian Error Linear Units, 2016 (arXiv 1606.08415), section 2.

    Args:
        x: Floating.
        approximate: ``"none"``: 0.5 x (1 + erf(x / sqrt(2))). ``"tanh"``: 0.5 x (1 + tanh(
            sqrt(2 / pi) (x + 0.044715 x^3))), within 5e-4 of the former. As in PyTorch.

    Raises:
        DTypeError: `approximate` is neither, or x is not floating.
    """
    return x.tape.emit("gelu", (x,), {"approximate": approximate})[0]


def _sigmoid(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    return [1.0 / (exp(neg(inputs[0])) + 1.0)]


def _sigmoid_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (y,) = at.outputs
    return [dy * (y * (1.0 - y))]


def _silu(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    return [x / (exp(neg(x)) + 1.0)]


def _silu_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (x,) = at.inputs
    s = 1.0 / (exp(neg(x)) + 1.0)
    return [dy * (s * (x * (1.0 - s) + 1.0))]


def _softplus(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    # The larger of 0 and x, and what e to the minus distance from 0 adds: at most log 2.
    return [maximum(x, 0.0) + log(exp(neg(maximum(x, neg(x)))) + 1.0)]


def _softplus_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy / (exp(neg(at.inputs[0])) + 1.0)]


def _inner_tanh(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return x squared and the tanh of the formula."""
    square = x * x
    return square, tanh((square * (_ROOT * _CUBIC) + _ROOT) * x)


def _weighted(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    if attrs["approximate"] not in ("none", "tanh"):
        raise DTypeError(f"approximate is 'none' or 'tanh', not {attrs['approximate']!r}")
    return same(FLOATS, 1)(inputs, attrs)


def _gelu(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    t = _inner_tanh(x)[1] if attrs["approximate"] == "tanh" else erf(x * _HALF_ROOT)
    return [(t + 1.0) * x * 0.5]


def _gelu_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (x,) = at.inputs
    # Written like the forward calls, so that a plan works them out once.
    if at.attrs["approximate"] == "tanh":
        _, t = _inner_tanh(x)
        # The square again, in other words: keeping it would cost more than working it out.
        slope = (x * (3 * _ROOT * _CUBIC) * x + _ROOT) * x * (1.0 - t * t)
        return [dy * ((slope + t + 1.0) * 0.5)]
    scaled = x * _HALF_ROOT
    density = exp(neg(scaled * scaled)) * x * _ROOT
    return [dy * ((erf(scaled) + 1.0 + density) * 0.5)]


operators.register(Operator("sigmoid", same(FLOATS, 1), of_one(_sigmoid_vjp), _sigmoid))
operators.register(Operator("silu", same(FLOATS, 1), of_one(_silu_vjp), _silu))
operators.register(Operator("softplus", same(FLOATS, 1), of_one(_softplus_vjp), _softplus))
operators.register(Operator("gelu", _weighted, of_one(_gelu_vjp), _gelu, 1))
