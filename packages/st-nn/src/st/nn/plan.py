"""From what a tape wrote down to a plan: the same work in fewer calls.

Passes over plain data: constants are worked out, calls made twice become one, results are written
where they are wanted instead of copied there, and what nobody reads is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from st.core.backend import SIGNATURES, Call, Const, Plan, Storage, View, spec

Numbered = list[tuple[int, Call]]
"""Calls, each with its number on the tape."""


def finish(calls: Sequence[Call], outputs: Sequence[View] = ()) -> tuple[Plan, tuple[int, ...]]:
    """Return the plan of `calls`, and for each of its calls the number it had in `calls`.

    States and outputs that are written stay written; of the temporaries only what leads to them
    and to `outputs` remains.
    """
    numbered = list(enumerate(calls))
    numbered = _constants_folded(numbered, outputs)
    numbered = _once(numbered, outputs)
    numbered = _written_in_place(numbered)
    numbered = _used(numbered, outputs)
    plan = Plan(tuple(call for _, call in numbered), tuple(outputs))
    return plan, tuple(n for n, _ in numbered)


_FOLDED = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


def _constants_folded(calls: Numbered, outputs: Sequence[View]) -> Numbered:
    """Work out what is made of constants alone, and hand it on as a constant.

    Values are rounded in their own type, as a kernel would. The gradient of a mean begins so.
    """
    n_writers = Counter(y.storage for _, call in calls for y in call.outputs)
    pinned = {view.storage for view in outputs}
    known: dict[Storage, Const] = {}
    kept: Numbered = []
    for n, original in calls:
        call = original
        signature = SIGNATURES.get(call.op)
        if signature is not None and signature.kind == "elementwise":
            inputs = tuple(
                known.get(x.storage, x) if isinstance(x, View) else x for x in call.inputs
            )
            call = replace(call, inputs=inputs) if inputs != call.inputs else call
        goal = call.outputs[0].storage
        if goal.role == "temp" and n_writers[goal] == 1 and goal not in pinned:
            value = _folded(call)
            if value is not None:
                known[goal] = value
        kept.append((n, call))
    return kept


def _folded(call: Call) -> Const | None:
    """Return what a call makes everywhere, if it is made of constants alone."""
    if not all(isinstance(x, Const) for x in call.inputs):
        return None
    made = call.outputs[0].spec
    values = [np.array(x.value, x.spec.dtype) for x in call.inputs if isinstance(x, Const)]
    if call.op == "copy":
        return Const(values[0].item(), spec((), made.dtype))
    if call.op not in _FOLDED:
        return None
    with np.errstate(all="ignore"):
        return Const(_FOLDED[call.op](*values).item(), spec((), made.dtype))


def _once(calls: Numbered, outputs: Sequence[View]) -> Numbered:
    """Leave out a call that repeats an earlier one on values that nobody overwrites."""
    n_writers = Counter(y.storage for _, call in calls for y in call.outputs)
    pinned = {view.storage for view in outputs}
    same: dict[Storage, Storage] = {}
    seen: dict[object, Call] = {}
    kept: Numbered = []
    for n, original in calls:
        call = _moved(original, lambda view: _with(view, same))
        stable = all(
            isinstance(x, Const) or n_writers[x.storage] <= (x.storage.role == "temp")
            for x in call.inputs
        )
        fresh = all(
            y.storage.role == "temp" and n_writers[y.storage] == 1 and y.storage not in pinned
            for y in call.outputs
        )
        if stable and fresh:
            made = tuple((y.spec, y.strides, y.offset) for y in call.outputs)
            first = seen.setdefault((call.op, call.inputs, call.attrs, made), call)
            if first is not call:
                same.update(
                    (y.storage, x.storage) for x, y in zip(first.outputs, call.outputs, strict=True)
                )
                continue
        kept.append((n, call))
    return kept


def _written_in_place(calls: Numbered) -> Numbered:
    """Let a call write a state or output directly, where its result was only copied there.

    That is how gradients come to lie in their flat vector.
    """
    writers: dict[Storage, list[Call]] = {}
    touched: dict[Storage, list[tuple[int, View]]] = {}
    for n, (_, call) in enumerate(calls):
        for y in call.outputs:
            writers.setdefault(y.storage, []).append(call)
        for x in (*call.inputs, *call.outputs):
            if isinstance(x, View) and x.storage.role != "temp":
                touched.setdefault(x.storage, []).append((n, x))
    target: dict[Storage, View] = {}
    dropped = set()
    for n, (_, call) in enumerate(calls):
        source, goal = call.inputs[0], call.outputs[0]
        if call.op != "copy" or not isinstance(source, View):
            continue
        if source.storage not in target and _replaceable(source, goal, n, writers, touched):
            target[source.storage] = goal
            dropped.add(n)

    def onto(view: View) -> View:
        goal = target.get(view.storage)
        if goal is None:
            return view
        return replace(view, storage=goal.storage, offset=goal.offset + view.offset)

    return [(n, _moved(call, onto)) for m, (n, call) in enumerate(calls) if m not in dropped]


def _replaceable(
    source: View,
    goal: View,
    n: int,
    writers: Mapping[Storage, Sequence[Call]],
    touched: Mapping[Storage, Sequence[tuple[int, View]]],
) -> bool:
    """Whether what makes `source` may write `goal` itself; call `n` copies one to the other."""
    if goal.storage.role == "temp" or source.storage.role != "temp":
        return False
    if not (source.spec is goal.spec and goal.is_dense and _fills(source)):
        return False
    made = [y for call in writers[source.storage] for y in call.outputs]
    written = [y for call in writers[goal.storage] for y in call.outputs]
    return (
        sum(y.storage is source.storage for y in made) == 1
        and all(_fills(y) for y in made if y.storage is source.storage)
        and sum(y.storage is goal.storage and _overlap(goal, y) for y in written) == 1
        and not any(_overlap(goal, view) for m, view in touched[goal.storage] if m < n)
    )


def _used(calls: Numbered, outputs: Sequence[View]) -> Numbered:
    """Leave out what leads to no state, output, or view of `outputs`."""
    wanted = {view.storage for view in outputs}
    kept: Numbered = []
    for n, call in reversed(calls):
        if any(y.storage.role != "temp" or y.storage in wanted for y in call.outputs):
            kept.append((n, call))
            wanted.update(x.storage for x in call.inputs if isinstance(x, View))
    return kept[::-1]


def _moved(call: Call, move: Callable[[View], View]) -> Call:
    inputs = tuple(x if isinstance(x, Const) else move(x) for x in call.inputs)
    outputs = tuple(map(move, call.outputs))
    if inputs == call.inputs and outputs == call.outputs:
        return call
    return replace(call, inputs=inputs, outputs=outputs)


def _with(view: View, same: dict[Storage, Storage]) -> View:
    storage = same.get(view.storage)
    return view if storage is None else replace(view, storage=storage)


def _fills(view: View) -> bool:
    """Whether the view is all of its storage, in order."""
    return view.is_dense and view.offset == 0 and view.spec.nbytes == view.storage.nbytes


def _overlap(a: View, b: View) -> bool:
    """Whether two views of one storage may share an element (bounds are compared)."""
    return a.offset < _end(b) and b.offset < _end(a)


def _end(view: View) -> int:
    if view.spec.size == 0:
        return view.offset
    last = sum((n - 1) * s for n, s in zip(view.spec.shape, view.strides, strict=True))
    return view.offset + last + 1
