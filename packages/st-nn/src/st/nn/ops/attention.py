"""Scaled dot-product attention, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from st.core.backend import Spec, spec
from st.nn.ops.elementwise import exp, where
from st.nn.ops.matmul import matmul
from st.nn.ops.reduce import max, sum
from st.nn.ops.rules import FLOATS, one_dtype
from st.nn.tape import Applied, Attrs, Operator, ShapeError, Tensor, of_one, operators

MASKED = -1e30
"""The score of a place that is not looked at; its weight is 0 in float32 and float64."""

LONGEST_CAUSAL = 1 << 15
"""Rows that causal attention takes: its mask and scores are square, a gigabyte of bools here."""


def attention(query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False) -> Tensor:
    """Return values averaged by how well each key fits a query.

    softmax(query @ key.T / sqrt(d)) @ value; Vaswani et al. 2017 (arXiv 1706.03762), equation 1.

    Args:
        query: Floating, `(..., queries, d)`.
        key: `(..., keys, d)`.
        value: `(..., keys, width)`; the leading axes of all three are equal.
        causal: A query sees only keys at its own place and before; as many queries as keys.

    Returns:
        `(..., queries, width)`.

    Raises:
        ShapeError: The shapes do not fit, there are no keys, or more rows than `LONGEST_CAUSAL`.
    """
    return query.tape.emit("attention", (query, key, value), {"causal": causal})[0]


def _attended(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    query, key, value = inputs
    dtype = one_dtype(inputs, FLOATS)
    if min(len(x.shape) for x in inputs) < 2 or len({x.shape[:-2] for x in inputs}) > 1:
        raise ShapeError("takes query, key and value with equal leading axes")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError("takes query (..., t, d), key (..., s, d) and value (..., s, width)")
    if not key.shape[-1] or not key.shape[-2]:
        raise ShapeError("there are no keys to look at")
    if attrs["causal"] and query.shape[-2] != key.shape[-2]:
        raise ShapeError("causal attention takes as many queries as keys")
    if attrs["causal"] and query.shape[-2] > LONGEST_CAUSAL:
        raise ShapeError(f"causal attention takes at most {LONGEST_CAUSAL} rows")
    return (spec((*query.shape[:-1], value.shape[-1]), dtype),)


def _weights(query: Tensor, key: Tensor, causal: bool) -> Tensor:
    """Return how much each query looks at each key, `(..., keys, queries)`.

    A softmax over the keys, which come first: then its largest, sums and differences run along
    rows of memory, whatever the number of keys (on NumPy a third of the time of columns).
    """
    scores = matmul(key, (query * (1.0 / sqrt(query.shape[-1]))).T)
    if causal:
        n = query.shape[-2]
        seen = query.tape.constant(np.tri(n, dtype=np.bool_).T.copy(), "causal")
        scores = where(seen.broadcast_to(scores.shape), scores, MASKED)
    e = exp(scores - max(scores, -2, keep_axes=True))
    return e / sum(e, -2, keep_axes=True)


def _attention(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    query, key, value = inputs
    return [matmul(_weights(query, key, attrs["causal"]).T, value)]


def _attention_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    query, key, value = at.inputs
    (y,) = at.outputs
    # Written like the forward calls, so that a plan works the weights out once.
    weights = _weights(query, key, at.attrs["causal"])
    # For each query the sum of d(weights) * weights is that of dy * y, which is shorter.
    along = sum(dy * y, -1).reshape(*y.shape[:-2], 1, y.shape[-2])
    through = (matmul(value, dy.T) - along) * weights
    scale = 1.0 / sqrt(query.shape[-1])
    return [
        matmul(through.T, key) * scale if at.wanted[0] else None,
        matmul(through, query * scale) if at.wanted[1] else None,
        matmul(weights, dy) if at.wanted[2] else None,
    ]


operators.register(Operator("attention", _attended, of_one(_attention_vjp), _attention))
