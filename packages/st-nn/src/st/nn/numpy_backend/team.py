"""Threads that do a launch together, each a part of its rows, images or heads.

NumPy and BLAS let other threads run while they compute. What each thread does is fixed when a plan
is bound, so results depend on the number of threads at most, never on which of them was faster.
A launch is over when all parts are; so what sees a whole batch, such as batch norm, sees it still.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

SHARED_FROM = 1 << 23
"""Multiply-adds from which a product or a convolution is shared: 0.1 ms of work, where waking a
thread takes 0.01."""
ELEMENTS_FROM = 1 << 18
"""The same for calls on elements, counted for every call of a run."""


class Team:
    """`n` threads, the caller's among them; the others are started when first needed.

    Safe to call from any thread: who comes while the others are busy waits for them.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._others = ThreadPoolExecutor(max(1, n - 1), thread_name_prefix="st-numpy")

    def run(self, tasks: Sequence[Launch]) -> None:
        """Run all tasks and return when each is done; the first is the caller's."""
        first, *others = tasks
        running = [self._others.submit(_quietly, task) for task in others]
        try:
            first()
        finally:
            for future in running:
                future.result()

    def close(self) -> None:
        """End the other threads."""
        self._others.shutdown()


def _quietly(task: Launch) -> None:
    # What NumPy warns of is set for each thread apart.
    with np.errstate(all="ignore"):
        task()


def shares(n_rows: int, n: int) -> list[tuple[int, int]]:
    """Return `n` ranges of rows one after the other, as even as can be; fewer of few rows."""
    edges = sorted({n_rows * i // n for i in range(n + 1)})
    return list(pairwise(edges))


def is_shared(call: Call) -> bool:
    """Whether a single call is worth more than one thread, and can be divided."""
    if call.op == "matmul":
        return len(call.outputs[0].spec.shape) == 2 and _n_products(call) >= SHARED_FROM
    return call.op in _CONVOLUTIONS and _n_products(call) >= SHARED_FROM


_CONVOLUTIONS = ("conv2d", "conv2d_input_gradient", "conv2d_kernel_gradient")


def _n_products(call: Call) -> int:
    x, y = (x.spec for x in call.inputs)
    if call.op == "matmul":
        return x.size * y.shape[-1]
    if call.op == "conv2d_kernel_gradient":
        return int(y.size * prod(call.attr("shape")[:3]))
    # Each pixel of what a filter gives, or was given by, meets each of its values.
    pixels = call.outputs[0].spec if call.op == "conv2d" else x
    return int(pixels.size * prod(y.shape[:3]))


def bind_shared(
    team: Team, binder: Binder, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]
) -> Launch:
    """Bind a call so that each thread makes some of the rows or images of the result."""
    if call.op == "conv2d_kernel_gradient":
        return _bind_summed(team, binder, call, inputs, outputs)
    (x, y), (out,) = inputs, outputs
    tasks = [
        binder(call, (x[start:stop], y), (out[start:stop],))
        for start, stop in shares(len(out), team.n)
    ]
    return partial(team.run, tasks)


def _bind_summed(
    team: Team, binder: Binder, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]
) -> Launch:
    """Bind a sum over images: each thread sums its own, then the sums are added in order."""
    (x, dy), (out,) = inputs, outputs
    ranges = shares(len(x), team.n)
    sums = [out, *(np.empty_like(out) for _ in ranges[1:])]
    tasks = [
        binder(call, (x[start:stop], dy[start:stop]), (own,))
        for (start, stop), own in zip(ranges, sums, strict=True)
    ]
    additions: list[Callable[[], object]] = [partial(np.add, out, own, out) for own in sums[1:]]
    return partial(_run_and_add, team, tasks, additions)


def _run_and_add(team: Team, tasks: Sequence[Launch], additions: Sequence[Launch]) -> None:
    team.run(tasks)
    for addition in additions:
        addition()
