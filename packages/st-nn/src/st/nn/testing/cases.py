"""Operators with what they have to give, written a second time in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from st.nn import ops
from st.nn.tape import Tensor
from st.nn.testing.case import Array, OperatorCase, numbers
from st.nn.testing.coherence_cases import coherence_cases
from st.nn.testing.network_cases import network_cases
from st.nn.testing.random_cases import random_cases
from st.nn.testing.recurrent_cases import recurrent_cases
from st.nn.testing.structure_cases import structure_cases


def operator_cases() -> list[OperatorCase]:
    """Return the cases of every operator of `st.nn.ops`, attributes included."""
    return [
        *_elementwise(),
        *_reductions(),
        *_products(),
        *_rows(),
        *_views(),
        *_networks(),
        *structure_cases(),
        *network_cases(),
        *recurrent_cases(),
        *coherence_cases(),
        *random_cases(),
    ]


def _case(
    id: str, function: Callable[..., Tensor], oracle: Callable[..., Array], *inputs: Array
) -> OperatorCase:
    return OperatorCase(id, function, oracle, inputs)


def _elementwise() -> Iterator[OperatorCase]:
    x, y, row = numbers(3, 4), numbers(3, 4, seed=1), numbers(4, seed=2)
    some = numbers(3, 4, positive=True)
    yield _case("neg", ops.neg, np.negative, x)
    yield _case("abs", ops.abs, np.abs, x)
    yield _case("exp", ops.exp, np.exp, x)
    yield _case("log", ops.log, np.log, some)
    yield _case("sqrt", ops.sqrt, np.sqrt, some)
    yield _case("tanh", ops.tanh, np.tanh, x)
    yield _case("relu", ops.relu, lambda x: np.where(x > 0, x, 0), x)
    for name, function, oracle in (
        ("add", ops.add, np.add),
        ("sub", ops.sub, np.subtract),
        ("mul", ops.mul, np.multiply),
        ("div", ops.div, np.divide),
        ("maximum", ops.maximum, np.maximum),
    ):
        yield _case(name, function, oracle, x, y)
        yield _case(f"{name}-row", function, oracle, x, row)
        yield _case(f"{name}-column", function, oracle, numbers(3, 1, seed=3), x)
        yield _case(f"{name}-outer", function, oracle, numbers(3, 1, seed=3), row)
        yield _case(f"{name}-scalar", function, oracle, numbers(seed=4), x)
        yield _case(f"{name}-constant-right", partial(_right, function), partial(_right, oracle), x)
        yield _case(f"{name}-constant-left", partial(function, 1.25), partial(oracle, 1.25), x)
    yield _case(
        "where", lambda x, y: ops.where(ops.compare(x, y, "gt"), x, y * 2.0),
        lambda x, y: np.where(x > y, x, y * 2), x, y,
    )  # fmt: skip
    yield _case("copy", lambda x: ops.copy(x.T), np.transpose, x)
    yield _case("cast", lambda x: ops.cast(x, "float64"), lambda x: x, x)
    yield _case("used-twice", lambda x: x * x + x, lambda x: x * x + x, x)


def _right(function: Callable[..., Any], x: Any) -> Any:
    return function(x, 0.75)


def _reductions() -> Iterator[OperatorCase]:
    x = numbers(2, 3, 4)
    for name, function, oracle in (
        ("sum", ops.sum, np.sum),
        ("mean", ops.mean, np.mean),
        ("max", ops.max, np.max),
    ):
        for axes in (None, 0, -1, (0, 2), (1, 2), ()):
            yield _case(f"{name}-{axes}", *_over(function, oracle, axes, False), x)
        yield _case(f"{name}-kept", *_over(function, oracle, (1,), True), x)
    yield _case(
        "argmax", lambda x: x * ops.cast(ops.argmax(x, 1), x.dtype).reshape(2, 1, 4),
        lambda x: x * x.argmax(1)[:, None], x,
    )  # fmt: skip


def _over(
    function: Callable[..., Tensor], oracle: Callable[..., Array], axes: Any, keep: bool
) -> tuple[Callable[[Tensor], Tensor], Callable[[Array], Array]]:
    return (
        lambda x: function(x, axes, keep_axes=keep),
        lambda x: np.asarray(oracle(x, axis=axes, keepdims=keep)),
    )


def _products() -> Iterator[OperatorCase]:
    x, y = numbers(3, 4), numbers(4, 2, seed=1)
    yield _case("matmul", ops.matmul, np.matmul, x, y)
    yield _case("matmul-right-turned", lambda x, y: x @ y.T, lambda x, y: x @ y.T, x, numbers(2, 4))
    yield _case("matmul-left-turned", lambda x, y: x.T @ y, lambda x, y: x.T @ y, numbers(4, 3), y)
    batch = numbers(2, 3, 4)
    yield _case("matmul-batched", ops.matmul, np.matmul, batch, numbers(2, 4, 5, seed=1))
    yield _case("matmul-broadcast-right", ops.matmul, np.matmul, batch, y)
    yield _case("matmul-broadcast-left", ops.matmul, np.matmul, x, numbers(5, 4, 2, seed=1))
    yield _case(
        "matmul-broadcast-both", ops.matmul, np.matmul,
        numbers(2, 1, 3, 4), numbers(1, 2, 4, 2, seed=1),
    )  # fmt: skip


def _rows() -> Iterator[OperatorCase]:
    chosen = np.array([[2, 0], [2, 3], [1, 1]])
    x = numbers(4, 5)
    yield _case("take", lambda x: ops.take(x, x.tape.constant(chosen)), lambda x: x[chosen], x)
    flat = np.array([3, 0, 3])
    yield _case(
        "take-vector", lambda x: ops.take(x, x.tape.constant(flat)), lambda x: x[flat], x[0]
    )

    def scattered(x: Array) -> Array:
        made = np.zeros((4, 5))
        np.add.at(made, chosen, x)
        return made

    yield _case(
        "scatter_add", lambda x: ops.scatter_add(x.tape.constant(chosen), x, 4),
        scattered, numbers(3, 2, 5),
    )  # fmt: skip


def _views() -> Iterator[OperatorCase]:
    x = numbers(2, 3, 4)
    yield _case("reshape", lambda x: x.reshape(4, -1) * 2.0, lambda x: x.reshape(4, -1) * 2, x)
    yield _case(
        "reshape-turned", lambda x: x.T.reshape(8, 3), lambda x: x.swapaxes(1, 2).reshape(8, 3), x
    )
    yield _case("transpose", lambda x: x.transpose(2, 0, 1), lambda x: x.transpose(2, 0, 1), x)
    yield _case("broadcast", lambda x: x.broadcast_to((5, 2, 3, 4)), lambda x: np.stack([x] * 5), x)
    for name, index in {
        "range": slice(1, 3),
        "step": (slice(None), slice(0, None, 2), slice(1, None, 2)),
        "integer": (slice(None), -1),
        "ellipsis": (..., 2),
        "empty": (slice(None), slice(2, 2)),
    }.items():
        yield _case(f"slice-{name}", *_sliced(index), x)


def _sliced(index: Any) -> tuple[Callable[[Tensor], Tensor], Callable[[Array], Array]]:
    return lambda x: x[index] * 3.0, lambda x: x[index] * 3


def _networks() -> Iterator[OperatorCase]:
    x = numbers(3, 4)

    def softmax(x: Array) -> Array:
        e = np.exp(x - x.max(-1, keepdims=True))
        made: Array = e / e.sum(-1, keepdims=True)
        return made

    yield _case("softmax", ops.softmax, softmax, x)
    yield _case("softmax-deep", ops.softmax, softmax, numbers(2, 3, 4))
    yield _case("softmax-large", ops.softmax, softmax, x * 400)
    yield _case("log_softmax", ops.log_softmax, lambda x: np.log(softmax(x)), x)
    labels = np.array([1, 0, 3])

    def entropy(x: Array) -> Array:
        made: Array = -np.log(softmax(x))[np.arange(3), labels]
        return made

    yield _case(
        "cross_entropy", lambda x: ops.cross_entropy(x, x.tape.constant(labels)), entropy, x
    )
