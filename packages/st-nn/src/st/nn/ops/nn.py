"""Operators of neural networks: activations, softmax, losses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from st.core.backend import Spec, spec
from st.nn.ops.elementwise import cast, compare, exp, log, maximum, where
from st.nn.ops.index import take
from st.nn.ops.reduce import max, sum
from st.nn.ops.rules import FLOATS, INTEGERS, floating, normal_axes, same
from st.nn.tape import Applied, Attrs, DTypeError, Operator, ShapeError, Tensor, of_one, operators


def relu(x: Tensor) -> Tensor:
    """Return x where it is positive, else 0; NaN stays. The gradient at 0 is 0."""
    return x.tape.emit("relu", (x,))[0]


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return e to the x, divided by its sum over `axis`; stable for any finite x."""
    return _along("softmax", x, axis)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return the logarithm of the softmax over `axis`; stable for any finite x."""
    return _along("log_softmax", x, axis)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return minus the logarithm of the probability that `logits` give the right class.

    Args:
        logits: Floating, `(n, classes)`.
        labels: Integers, `(n,)`, from 0 below `classes`. They are not checked here.

    Returns:
        `(n,)`, of the type of `logits`; stable for any finite logits.
    """
    return logits.tape.emit("cross_entropy", (logits, labels))[0]


def one_hot(labels: Tensor, n_classes: int) -> Tensor:
    """Return bool `(..., n_classes)`, true where the class is the label; labels are integers."""
    classes = labels.tape.constant(np.arange(n_classes, dtype=labels.dtype), "classes")
    return compare(labels.reshape(*labels.shape, 1), classes, "eq")


def _along(op: str, x: Tensor, axis: int) -> Tensor:
    """Apply an operator of rows to the rows along `axis`."""
    if axis in (-1, x.ndim - 1):
        return x.tape.emit(op, (x,))[0]
    (normal,) = normal_axes(axis, x.ndim)
    order = list(range(x.ndim))
    order[normal], order[-1] = order[-1], order[normal]
    return x.tape.emit(op, (x.transpose(*order),))[0].transpose(*order)


def _relu(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    return [maximum(inputs[0], 0.0)]


def _relu_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [where(compare(at.outputs[0], 0.0, "gt"), dy, 0.0)]


def _rows(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    floating(inputs, 1)
    if not inputs[0].shape or inputs[0].shape[-1] == 0:
        raise ShapeError("takes rows of at least one value")
    return inputs


def _softmax(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    e = exp(x - max(x, -1, keep_axes=True))
    return [e / sum(e, -1, keep_axes=True)]


def _softmax_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    (y,) = at.outputs
    return [(dy - sum(dy * y, -1, keep_axes=True)) * y]


def _log_softmax(inputs: tuple[Tensor], attrs: Attrs) -> Sequence[Tensor]:
    (x,) = inputs
    shifted = x - max(x, -1, keep_axes=True)
    return [shifted - log(sum(exp(shifted), -1, keep_axes=True))]


def _log_softmax_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy - exp(at.outputs[0]) * sum(dy, -1, keep_axes=True)]


def _entropies(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    logits, labels = inputs
    if logits.dtype not in FLOATS:
        raise DTypeError("the logits are floating; cast them")
    if labels.dtype not in INTEGERS:
        raise DTypeError("the labels are integers; cast them")
    if len(logits.shape) != 2 or labels.shape != logits.shape[:1] or not logits.shape[1]:
        raise ShapeError("takes logits (n, classes) and labels (n,)")
    return spec(labels.shape, logits.dtype), logits


def _cross_entropy(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    logits, labels = inputs
    n_rows, n_classes = logits.shape
    shifted = logits - max(logits, -1, keep_axes=True)
    e = exp(shifted)
    total = sum(e, -1)
    starts = logits.tape.constant(np.arange(n_rows, dtype=labels.dtype) * n_classes, "rows")
    right = take(shifted.reshape(n_rows * n_classes), labels + starts)
    return [log(total) - right, e / total.reshape(n_rows, 1)]


MOST_ROWS_TAKEN = 512
"""Classes up to which labels become rows by taking them from an identity matrix."""


def _shares(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 where the class is the label, else 0, like `logits`."""
    n_classes = logits.shape[1]
    if n_classes > MOST_ROWS_TAKEN:  # the matrix is square: 10 GB for 50,000 words
        return cast(one_hot(labels, n_classes), logits.dtype)
    identity = np.eye(n_classes, dtype=logits.dtype)
    return take(logits.tape.constant(identity, "identity"), labels)


def _cross_entropy_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    (logits, labels), (_, probabilities) = at.inputs, at.outputs
    loss, second = dy
    made = None
    if loss is not None:
        made = (probabilities - _shares(logits, labels)) * loss.reshape(-1, 1)
    if second is not None:
        centred = second - sum(second * probabilities, -1, keep_axes=True)
        through = centred * probabilities
        made = through if made is None else made + through
    return [made, None]


operators.register(Operator("relu", same(FLOATS, 1), of_one(_relu_vjp), _relu))
operators.register(Operator("softmax", _rows, of_one(_softmax_vjp), _softmax))
operators.register(Operator("log_softmax", _rows, of_one(_log_softmax_vjp), _log_softmax))
operators.register(Operator("cross_entropy", _entropies, _cross_entropy_vjp, _cross_entropy, 2))
