"""Cases of activations, normalisation, attention, convolution and pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import erf, pi
from typing import Any

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor
from st.nn.testing.case import Array, OperatorCase, numbers


def network_cases() -> Iterator[OperatorCase]:
    """Yield every one of them."""
    yield from _activations()
    yield from _layer_norms()
    yield from _attentions()
    yield from _convolutions()
    yield from _pools()


def _activations() -> Iterator[OperatorCase]:
    x = numbers(3, 4)
    for size in (1.0, 30.0):
        for name, function, oracle in (
            ("sigmoid", ops.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
            ("silu", ops.silu, lambda x: x / (1 + np.exp(-x))),
            ("softplus", ops.softplus, lambda x: np.logaddexp(x, 0)),
        ):
            yield OperatorCase(f"{name}-{size}", function, oracle, (x * size,))

    def rough(x: Array) -> Array:
        made: Array = 0.5 * x * (1 + np.tanh((2 / pi) ** 0.5 * (x + 0.044715 * x**3)))
        return made

    def by_tanh(x: Tensor) -> Tensor:
        return ops.gelu(x, approximate="tanh")

    for size in (0.1, 1.0, 4.0):
        yield OperatorCase(f"erf-{size}", ops.erf, _erf, (x * size,))
    for size in (1.0, 8.0):
        yield OperatorCase(f"gelu-{size}", ops.gelu, _gelu, (x * size,))
        yield OperatorCase(f"gelu-tanh-{size}", by_tanh, rough, (x * size,))


def _erf(x: Array) -> Array:
    return np.array([erf(value) for value in x.flat]).reshape(x.shape)


def _gelu(x: Array) -> Array:
    made: Array = 0.5 * x * (1 + _erf(x / 2**0.5))
    return made


def _layer_norms() -> Iterator[OperatorCase]:
    def layer_norm(x: Array, scale: Array, shift: Array) -> Array:
        deviation = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        made: Array = (x - x.mean(-1, keepdims=True)) / deviation * scale + shift
        return made

    scale, shift = numbers(4, seed=1), numbers(4, seed=2)
    for shape in ((3, 4), (2, 3, 4), (4,)):
        x = numbers(*shape)
        yield OperatorCase(f"layer_norm-{shape}", ops.layer_norm, layer_norm, (x, scale, shift))


def _attentions() -> Iterator[OperatorCase]:
    def attention(query: Array, key: Array, value: Array, causal: bool = False) -> Array:
        scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
        if causal:
            scores = np.where(np.tri(*scores.shape[-2:], dtype=np.bool_), scores, -np.inf)
        e = np.exp(scores - scores.max(-1, keepdims=True))
        made: Array = e / e.sum(-1, keepdims=True) @ value
        return made

    for lead in ((), (2,), (2, 3)):
        q, k, v = numbers(*lead, 3, 4), numbers(*lead, 5, 4, seed=1), numbers(*lead, 5, 2, seed=2)
        yield OperatorCase(f"attention-{lead}", ops.attention, attention, (q, k, v))
    same = numbers(2, 4, 3), numbers(2, 4, 3, seed=1), numbers(2, 4, 3, seed=2)
    yield OperatorCase(
        "attention-causal",
        lambda q, k, v: ops.attention(q, k, v, causal=True),
        lambda q, k, v: attention(q, k, v, True),
        same,
    )


def convolved(
    x: Array, kernel: Array, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """Return a convolution as its definition has it: a sum for every element of the result."""
    (down, right), (above, aside), (apart, beside) = stride, padding, dilation
    x = np.pad(x, ((0, 0), (above, above), (aside, aside), (0, 0)))
    height, width, part, filters = kernel.shape
    rows = (x.shape[1] - (height - 1) * apart - 1) // down + 1
    columns = (x.shape[2] - (width - 1) * beside - 1) // right + 1
    made = np.zeros((len(x), rows, columns, filters))
    for row, column, f in np.ndindex(rows, columns, filters):
        first = f // (filters // groups) * part
        window = x[
            :,
            row * down : row * down + (height - 1) * apart + 1 : apart,
            column * right : column * right + (width - 1) * beside + 1 : beside,
            first : first + part,
        ]
        made[:, row, column, f] = (window * kernel[..., f]).sum((1, 2, 3))
    return made


def _convolutions() -> Iterator[OperatorCase]:
    plain: dict[str, Any] = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "padding": {"padding": (1, 2)},
        "stride": {"stride": (2, 1), "padding": (1, 1)},
        "dilation": {"dilation": (2, 1), "padding": (2, 0)},
        "groups": {"groups": 2, "padding": (1, 1)},
    }
    for name, changed in changes.items():
        attrs = {**plain, **changed}
        x = numbers(2, 5, 4, 2)
        kernel = numbers(3, 2, 2 // attrs["groups"], 4, seed=1)
        yield OperatorCase(f"conv2d-{name}", *_both(ops.conv2d, convolved, attrs), (x, kernel))
    yield OperatorCase(
        "conv2d-points", *_both(ops.conv2d, convolved, plain),
        (numbers(2, 3, 3, 2), numbers(1, 1, 2, 3, seed=1)),
    )  # fmt: skip


def _both(
    function: Callable[..., Tensor], oracle: Callable[..., Array], attrs: dict[str, Any]
) -> tuple[Callable[..., Tensor], Callable[..., Array]]:
    return lambda *x: function(*x, **attrs), lambda *x: oracle(*x, **attrs)


def _pools() -> Iterator[OperatorCase]:
    def pooled(x: Array, largest: bool, size: int, stride: int) -> Array:
        rows, columns = ((n - size) // stride + 1 for n in x.shape[1:3])
        made = np.zeros((len(x), rows, columns, x.shape[3]))
        for row, column in np.ndindex(rows, columns):
            window = x[
                :, row * stride : row * stride + size, column * stride : column * stride + size
            ]
            made[:, row, column] = window.max((1, 2)) if largest else window.mean((1, 2))
        return made

    for size, stride in ((2, 2), (3, 1), (2, 3)):
        x = numbers(2, 5, 4, 2)
        yield OperatorCase(
            f"max_pool2d-{size}-{stride}",
            lambda x, size=size, stride=stride: ops.max_pool2d(x, size, stride=stride),
            lambda x, size=size, stride=stride: pooled(x, True, size, stride), (x,),
        )  # fmt: skip
        yield OperatorCase(
            f"avg_pool2d-{size}-{stride}",
            lambda x, size=size, stride=stride: ops.avg_pool2d(x, size, stride=stride),
            lambda x, size=size, stride=stride: pooled(x, False, size, stride), (x,),
        )  # fmt: skip
    around = ((0, 0), (1, 1), (1, 1), (0, 0))
    yield OperatorCase(
        "max_pool2d-padded",
        lambda x: ops.max_pool2d(x, 3, stride=2, padding=1),
        lambda x: pooled(np.pad(x, around, constant_values=-np.inf), True, 3, 2), (x,),
    )  # fmt: skip
    yield OperatorCase(
        "avg_pool2d-padded",
        lambda x: ops.avg_pool2d(x, 3, stride=2, padding=1),
        lambda x: pooled(np.pad(x, around), False, 3, 2), (x,),
    )  # fmt: skip
