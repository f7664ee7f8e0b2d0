"""Results written over operands that nobody needs any more: less memory, fewer cache misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from st.core.backend import SIGNATURES, Call, Const, Storage, View, lifetimes


def overwritten(calls: Sequence[Call]) -> list[Call]:
    """Return `calls` with each elementwise result in the place of an operand that dies there."""
    lives = lifetimes([call] for call in calls)
    last = {storage: life.last for storage, life in lives.items()}
    place: dict[Storage, Storage] = {}
    made = []
    for n, original in enumerate(calls):
        call = _placed(original, place)
        (goal, *more) = call.outputs
        signature = SIGNATURES.get(call.op)
        if (
            signature is not None
            and signature.kind == "elementwise"
            and not more
            and _fills(goal)
            and lives[goal.storage].first == n
        ):
            dying = _dying(call, n, last)
            if dying is not None:
                place[goal.storage] = dying
                last[dying] = last[goal.storage]
                call = _placed(original, place)
        made.append(call)
    return made


def _dying(call: Call, n: int, last: dict[Storage, int]) -> Storage | None:
    """Return the storage of an operand that looks like the result and is not used after `n`.

    No other operand may look at the same storage in another way: it would be overwritten early.
    """
    views = [x for x in call.inputs if isinstance(x, View)]
    for x in views:
        if x.spec is not call.outputs[0].spec or not _fills(x) or last[x.storage] != n:
            continue
        if all(other == x for other in views if other.storage is x.storage):
            return x.storage
    return None


def _fills(view: View) -> bool:
    """Whether the view is all of a temporary, in order."""
    storage = view.storage
    return storage.role == "temp" and view.is_dense and view.spec.nbytes == storage.nbytes


def _placed(call: Call, place: dict[Storage, Storage]) -> Call:
    def moved(view: View) -> View:
        storage = place.get(view.storage)
        return view if storage is None else replace(view, storage=storage)

    inputs = tuple(x if isinstance(x, Const) else moved(x) for x in call.inputs)
    return replace(call, inputs=inputs, outputs=tuple(map(moved, call.outputs)))
