"""Cases of operators that put together, pick along an axis, order, fold and normalise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from st.nn import ops
from st.nn.testing.case import Array, OperatorCase, numbers


def structure_cases() -> Iterator[OperatorCase]:
    """Yield the cases of these families."""
    yield from _joined()
    yield from _along()
    yield from _ordered()
    yield from _folded()
    yield from _normalised()
    yield from _chosen()


def _joined() -> Iterator[OperatorCase]:
    x, y, z = numbers(2, 3, 4), numbers(2, 1, 4, seed=1), numbers(2, 2, 4, seed=2)
    yield OperatorCase(
        "concat",
        lambda x, y, z: ops.concat([x, y, z], 1),
        lambda x, y, z: np.concatenate([x, y, z], 1),
        (x, y, z),
    )
    for axis in (0, 1, -1):
        yield OperatorCase(
            f"concat-twice-{axis}",
            lambda x, axis=axis: ops.concat([x, x * 2.0], axis),
            lambda x, axis=axis: np.concatenate([x, x * 2], axis),
            (x,),
        )
    yield OperatorCase("concat-nothing", lambda x: ops.concat([x[:0], x, x[:0]]), lambda x: x, (x,))
    yield OperatorCase(
        "concat-alone", lambda x: ops.concat([x.T], 2), lambda x: x.swapaxes(1, 2), (x,)
    )
    for axis in (0, 1, -1):
        yield OperatorCase(
            f"stack-{axis}",
            lambda x, axis=axis: ops.stack([x, -x], axis),
            lambda x, axis=axis: np.stack([x, -x], axis),
            (x[0],),
        )
    for name, widths in (
        ("even", 2),
        ("uneven", ((0, 1), (2, 0), (0, 0))),
        ("none", 0),
    ):
        yield OperatorCase(
            f"pad-{name}",
            partial(ops.pad, widths=widths, value=1.5),
            partial(np.pad, pad_width=widths, constant_values=1.5),
            (x,),
        )
    yield OperatorCase("pad-scalar", lambda x: ops.pad(x, ()) * x, lambda x: x * x, (numbers(),))


def _along() -> Iterator[OperatorCase]:
    x = numbers(3, 4, 2)
    generator = np.random.default_rng(4)
    rows = np.array([[1, 0], [1, 1]])
    for axis in (0, 1, -1):
        shape = list(x.shape)
        shape[axis] = 5
        chosen = generator.integers(0, x.shape[axis], shape)
        yield OperatorCase(
            f"take_along-{axis}",
            lambda x, axis=axis, chosen=chosen: ops.take_along(x, x.tape.constant(chosen), axis),
            lambda x, axis=axis, chosen=chosen: np.take_along_axis(x, chosen, axis),
            (x,),
        )
        places = generator.integers(0, 7, x.shape)
        yield OperatorCase(
            f"add_along-{axis}",
            lambda x, axis=axis, places=places: ops.add_along(x.tape.constant(places), x, 7, axis),
            lambda x, axis=axis, places=places: _added(places, x, 7, axis),
            (x,),
        )
        yield OperatorCase(
            f"take-axis-{axis}",
            lambda x, axis=axis: ops.take(x, x.tape.constant(rows), axis),
            lambda x, axis=axis: np.take(x, rows, axis),
            (x,),
        )
        yield OperatorCase(
            f"flip-{axis}",
            lambda x, axis=axis: ops.flip(x, axis),
            lambda x, axis=axis: np.flip(x, axis),
            (x,),
        )


def _added(places: Array, x: Array, length: int, axis: int) -> Array:
    shape = list(x.shape)
    shape[axis] = length
    made = np.zeros(shape)
    for at in np.ndindex(x.shape):
        goal = list(at)
        goal[axis] = places[at]
        made[tuple(goal)] += x[at]
    return made


def _ordered() -> Iterator[OperatorCase]:
    x = numbers(3, 5, 2)
    for axis in (0, 1, -1):
        yield OperatorCase(
            f"sort-{axis}",
            lambda x, axis=axis: ops.sort(x, axis)[0] * x,
            lambda x, axis=axis: np.sort(x, axis) * x,
            (x,),
        )
    yield OperatorCase(
        "sort-descending",
        lambda x: ops.sort(x, 1, descending=True)[0] * x,
        lambda x: -np.sort(-x, 1) * x,
        (x,),
    )
    yield OperatorCase(
        "argsort",
        lambda x: x * ops.cast(ops.argsort(x, 1), x.dtype),
        lambda x: x * np.argsort(x, 1),
        (x,),
    )
    yield OperatorCase(
        "top_k",
        lambda x: ops.top_k(x, 2, 1)[0] * 3.0,
        lambda x: -np.sort(-x, 1)[:, :2] * 3,
        (x,),
    )


def _folded() -> Iterator[OperatorCase]:
    x = numbers(2, 7, 3)
    for axis in (0, 1, -1):
        yield OperatorCase(
            f"cumsum-{axis}",
            lambda x, axis=axis: ops.cumsum(x, axis) * x,
            lambda x, axis=axis: np.cumsum(x, axis) * x,
            (x,),
        )
    yield OperatorCase(
        "cumsum-reverse",
        lambda x: ops.cumsum(x, 1, reverse=True) * x,
        lambda x: np.cumsum(x[:, ::-1], 1)[:, ::-1] * x,
        (x,),
    )
    yield OperatorCase("cumsum-one", lambda x: ops.cumsum(x) * x, lambda x: x * x, (numbers(3, 1),))
    for axes in (None, 0, 1, (0, 2), (1, 2), ()):
        yield OperatorCase(
            f"prod-{axes}",
            lambda x, axes=axes: ops.prod(x, axes, keep_axes=True) * x,
            lambda x, axes=axes: x.prod(axes, keepdims=True) * x,
            (x,),
        )
    zeros = numbers(3, 4)
    zeros[0, 1] = zeros[1, 0] = zeros[1, 3] = 0.0
    yield OperatorCase("prod-zeros", lambda x: ops.prod(x, 1), lambda x: x.prod(1), (zeros,))


def _normalised() -> Iterator[OperatorCase]:
    x = numbers(4, 3, 2)
    for axes, correction in ((None, 0), (1, 1), ((0, 2), 0)):
        yield OperatorCase(
            f"var-{axes}",
            partial(ops.var, axes=axes, correction=correction),
            lambda x, axes=axes, correction=correction: np.asarray(x.var(axes, ddof=correction)),
            (x,),
        )
    yield OperatorCase(
        "std", partial(ops.std, axes=1, keep_axes=True), lambda x: x.std(1, keepdims=True), (x,)
    )
    for axis in (1, -1):
        n = x.shape[axis]
        scale, shift = numbers(n, seed=1), numbers(n, seed=2)
        yield OperatorCase(
            f"batch_norm-{axis}",
            lambda x, scale, shift, axis=axis: ops.concat(
                [y.reshape(-1) for y in ops.batch_norm(x, scale, shift, axis=axis, eps=0.1)]
            ),
            lambda x, scale, shift, axis=axis: np.concatenate(
                [y.reshape(-1) for y in _batch_norm(x, scale, shift, axis)]
            ),
            (x, scale, shift),
        )
        yield OperatorCase(
            f"batch_norm_fixed-{axis}",
            partial(ops.batch_norm_fixed, axis=axis, eps=0.1),
            partial(_fixed, axis=axis),
            (x, scale, shift, numbers(n, seed=3), numbers(n, positive=True)),
        )
    yield OperatorCase(
        "rms_norm",
        partial(ops.rms_norm, eps=0.1),
        lambda x, scale: x / np.sqrt((x * x).mean(-1, keepdims=True) + 0.1) * scale,
        (x, numbers(2, seed=1)),
    )


def _batch_norm(x: Array, scale: Array, shift: Array, axis: int) -> tuple[Array, Array, Array]:
    rows = np.moveaxis(x, axis, -1)
    average, variance = rows.mean((0, 1)), rows.var((0, 1))
    return _fixed(x, scale, shift, average, variance, axis), average, variance


def _fixed(
    x: Array, scale: Array, shift: Array, average: Array, variance: Array, axis: int
) -> Array:
    rows = (np.moveaxis(x, axis, -1) - average) / np.sqrt(variance + 0.1) * scale + shift
    return np.moveaxis(rows, -1, axis)


def _chosen() -> Iterator[OperatorCase]:
    x, y = numbers(2, 3, 4), numbers(2, 3, 4, seed=1)
    yield OperatorCase("minimum", ops.minimum, np.minimum, (x, y))
    yield OperatorCase(
        "minimum-constant", lambda x: ops.minimum(x, 0.3), lambda x: np.minimum(x, 0.3), (x,)
    )
    for axes in (None, 1, (0, 2)):
        yield OperatorCase(
            f"min-{axes}",
            partial(ops.min, axes=axes),
            lambda x, axes=axes: np.asarray(x.min(axes)),
            (x,),
        )
    yield OperatorCase(
        "argmin",
        lambda x: x * ops.cast(ops.argmin(x, 1), x.dtype).reshape(2, 1, 4),
        lambda x: x * x.argmin(1)[:, None],
        (x,),
    )
    for name, relation, oracle in (
        ("eq", ops.eq, np.equal),
        ("ne", ops.ne, np.not_equal),
        ("lt", ops.lt, np.less),
        ("le", ops.le, np.less_equal),
        ("gt", ops.gt, np.greater),
        ("ge", ops.ge, np.greater_equal),
    ):
        yield OperatorCase(
            name,
            lambda x, y, relation=relation: ops.where(relation(x, y), x, y * 2.0),
            lambda x, y, oracle=oracle: np.where(oracle(x, y), x, y * 2),
            (x, y),
        )
    yield OperatorCase(
        "logic",
        lambda x, y: ops.where(
            ops.logical_or(
                ops.logical_and(ops.gt(x, 0.0), ops.gt(y, 0.0)), ops.logical_not(ops.lt(x, y))
            ),
            x,
            y * 2.0,
        ),
        lambda x, y: np.where(((x > 0) & (y > 0)) | ~(x < y), x, y * 2),
        (x, y),
    )
    for name, function in (("softmax", ops.softmax), ("log_softmax", ops.log_softmax)):
        for axis in (0, 1):
            yield OperatorCase(
                f"{name}-axis-{axis}",
                partial(function, axis=axis),
                partial(_softmax, axis=axis, is_log=name == "log_softmax"),
                (x,),
            )


def _softmax(x: Array, axis: int, is_log: bool) -> Array:
    logs: Array = x - np.log(np.exp(x).sum(axis, keepdims=True))
    return logs if is_log else np.exp(logs)
