"""Results written in the order of axes in which they are wanted, where they were copied there.

The heads of an attention are made one after the other and wanted side by side. BLAS can leave gaps
between the rows it writes, and a ufunc between its elements, so the copy is left out: it took
0.18 ms for 16 x 4 x 128 x 32 in pieces of 32 elements.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from st.core.backend import SIGNATURES, Call, Plan, Storage, View


@dataclass(frozen=True, slots=True)
class Laid:
    """A call that writes where a copy would, and the numbers of the calls it stands for."""

    call: Call
    covers: tuple[int, ...]


def laid_out(plan: Plan) -> list[Laid]:
    """Return the calls of a plan without copies of what is made for nothing but to be copied."""
    calls = plan.calls
    kept = {view.storage for view in plan.outputs}
    touched: dict[Storage, list[int]] = defaultdict(list)
    for n, call in enumerate(calls):
        for storage in {x.storage for x in (*call.inputs, *call.outputs) if isinstance(x, View)}:
            touched[storage].append(n)
    made: dict[int, Laid] = {n: Laid(call, (n,)) for n, call in enumerate(calls)}
    for n, call in enumerate(calls):
        source, goal = call.inputs[0], call.outputs[0]
        if call.op != "copy" or not isinstance(source, View):
            continue
        if source.storage.role != "temp" or source.storage in kept:
            continue
        first, *more = touched[source.storage]
        between = [m for m in touched[goal.storage] if first <= m < n]
        if more != [n] or between:
            continue
        wanted = _permuted(calls[first], source, goal)
        if wanted is not None:
            made[first] = Laid(replace(calls[first], outputs=(wanted,)), (first, n))
            del made[n]
    return [made[n] for n in sorted(made)]


def _permuted(maker: Call, source: View, goal: View) -> View | None:
    """Return where `maker` would write its result in `goal`, or None if it cannot.

    The copy looks at the result (`source`) with its axes in another order.
    """
    signature = SIGNATURES.get(maker.op)
    is_elementwise = signature is not None and signature.kind == "elementwise"
    result = maker.outputs[0]
    if len(maker.outputs) != 1 or not (is_elementwise or maker.op == "matmul"):
        return None
    shape = result.spec.shape
    if len(source.spec.shape) != len(shape):
        return None
    order = [
        axis
        for length, stride in zip(source.spec.shape, source.strides, strict=True)
        for axis in range(len(shape))
        if (shape[axis], result.strides[axis]) == (length, stride)
    ]
    is_whole = source.offset == result.offset and source.spec.dtype == goal.spec.dtype
    if not is_whole or sorted(order) != list(range(len(shape))):
        return None
    strides = [0] * len(shape)
    for axis, stride in zip(order, goal.strides, strict=True):
        strides[axis] = stride
    if maker.op == "matmul" and (len(shape) < 3 or strides[-1] != 1):
        return None
    return View(goal.storage, result.spec, tuple(strides), goal.offset)
