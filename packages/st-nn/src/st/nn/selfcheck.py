"""A plan proves itself: each of its calls is compared with the eager tape's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import DTYPES, Backend, BoundPlan, Buffer, Call, Plan, Storage, View
from st.core.errors import StError
from st.nn.tape import Tape

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
"""Largest difference, relative to the largest value of a result. Both sides run the same kernels,
so only fusion and threads may differ; integers and bools have to be equal."""


class PlanMismatchError(StError, RuntimeError):
    """A plan gives other values than the eager tape."""

    def __init__(self, index: int, call: Call, difference: float) -> None:
        super().__init__(
            f"call {index} of the plan differs from the eager tape: {call!r}, "
            f"largest relative difference {difference:.3g}"
        )
        self.index = index
        self.op = call.op
        self.where = call.where
        self.difference = difference


def compare_with_eager(
    backend: Backend,
    trace: Callable[[Tape], None],
    plan: Plan,
    numbers: Sequence[int],
    memory: Mapping[Storage, Buffer],
    before: Mapping[Storage, bytearray],
) -> float:
    """Run `trace` on an eager tape and `plan` from the same state, and compare every call.

    A result that a later call overwrites is compared after the last of them. Leaves the state
    changed.

    Args:
        backend: Where both run.
        trace: Writes on a tape what `plan` was made from.
        plan: What is checked.
        numbers: For each of its calls the number it had on the tape.
        memory: Buffers of states, inputs and outputs, for both.
        before: The state to start from.

    Returns:
        The largest relative difference; 0.0 where every bit is equal.

    Raises:
        PlanMismatchError: A call differs by more than `TOLERANCE`; the first is named.
    """
    eager = Tape(backend, memory=memory)
    trace(eager)
    checked = _last_written(plan)
    expected = [
        _read(backend, eager.memory, eager.calls[numbers[n]].outputs[m]) for n, m in checked
    ]
    for storage, data in before.items():
        backend.write(memory[storage], memoryview(data))
    executable = backend.bind(plan, memory, keep=True)
    executable.run()
    # Every backend of ours gives a BoundPlan; its memory is where results are kept.
    kept = {**memory, **executable.memory} if isinstance(executable, BoundPlan) else memory
    largest = 0.0
    for (n, m), eager_value in zip(checked, expected, strict=True):
        call = plan.calls[n]
        difference = _difference(_read(backend, kept, call.outputs[m]), eager_value)
        if difference > TOLERANCE.get(call.outputs[m].spec.dtype, 0.0):
            raise PlanMismatchError(n, call, difference)
        largest = max(largest, difference)
    return largest


def _last_written(plan: Plan) -> list[tuple[int, int]]:
    """Return (call, output) for every result that no later call overwrites, in order."""
    written: dict[tuple[Storage, int], tuple[int, int]] = {}
    for n, call in enumerate(plan.calls):
        for m, view in enumerate(call.outputs):
            written[view.storage, view.offset] = (n, m)
    return sorted(written.values())


def _read(backend: Backend, memory: Mapping[Storage, Buffer], view: View) -> NDArray[Any]:
    data = bytearray(view.storage.nbytes)
    backend.read(memory[view.storage], memoryview(data))
    if view.spec.size == 0:
        return np.empty(view.spec.shape, view.spec.dtype)
    size = DTYPES[view.spec.dtype]
    strides = tuple(size * stride for stride in view.strides)
    return np.ndarray(view.spec.shape, view.spec.dtype, data, size * view.offset, strides)


def _difference(made: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference relative to the largest finite value; inf for odd NaNs."""
    if made.tobytes() == expected.tobytes():
        return 0.0
    if made.dtype.kind != "f":
        return float("inf")
    finite = np.isfinite(expected)
    if not np.array_equal(made[~finite], expected[~finite], equal_nan=True):
        return float("inf")
    scale = np.abs(expected[finite]).max(initial=0.0)
    largest = np.abs(made[finite] - expected[finite]).max(initial=0.0)
    return float(largest / scale) if scale else float(largest)
