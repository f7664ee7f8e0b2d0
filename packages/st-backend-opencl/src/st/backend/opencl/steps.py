"""When the calls of a group happen: in which loop over the columns of a row, or between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from st.backend.opencl.groups import columns_beside, is_reduction, walked
from st.backend.opencl.space import Shape
from st.core.backend import Call, Storage

QUICK = ("add", "sub", "mul", "neg")
"""Operators that take less time than a store and a load."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a group, in loop `phase` over the columns, or after it when `is_row`.

    A reduction is in the loop that makes what it reduces; its result is there after that loop.
    Rows that need no loop before them have phase -1.
    """

    call: Call
    phase: int
    is_row: bool


def steps(calls: Sequence[Call], space: Shape, n_columns: int) -> list[Step]:
    """Return when each call happens: once what it reads is there and what it overwrites is read."""
    made: dict[Storage, int] = {}
    used: dict[Storage, int] = {}
    found = []
    for call in calls:
        (out,) = call.outputs
        is_row = not is_reduction(call) and columns_beside(out, space, n_columns) > 1
        reads = [each.view.storage for each in walked(call) if each.use != "write"]
        # Time 2 p is loop p over the columns, 2 p + 1 what follows it for the row.
        time = max(
            -1 if is_row else 0,
            *(made.get(storage, -1) for storage in reads),
            used.get(out.storage, -1),
            -1,
        )
        if (time % 2 == 1) is not is_row:
            time += 1
        found.append(Step(call, time // 2, is_row))
        for storage in reads:
            used[storage] = max(used.get(storage, -1), time)
        made[out.storage] = used[out.storage] = time + is_reduction(call)
    return found


def carried(found: Sequence[Step]) -> set[Storage]:
    """Return the storages that one loop writes and a later one reads."""
    written: dict[Storage, int] = {}
    late = set()
    for step in found:
        if step.is_row:
            continue
        for each in walked(step.call):
            storage = each.view.storage
            if each.use == "read" and written.get(storage, step.phase) != step.phase:
                late.add(storage)
        if not is_reduction(step.call):
            written[step.call.outputs[0].storage] = step.phase
    return late


def repeatable(found: Sequence[Step], late: set[Storage]) -> dict[Storage, Call]:
    """Return those of `late` that are sooner worked out again than carried, with their calls.

    Those are made by one operation of what the group only reads, and of numbers for rows.
    """
    written = {step.call.outputs[0].storage for step in found if _makes_vectors(step)}
    writers: dict[Storage, list[Call]] = {}
    for step in found:
        writers.setdefault(step.call.outputs[0].storage, []).append(step.call)
    return {
        storage: calls[0]
        for storage, calls in writers.items()
        if storage in late
        and len(calls) == 1
        and calls[0].op in QUICK
        and not any(each.view.storage in written for each in walked(calls[0])[:-1])
    }


def _makes_vectors(step: Step) -> bool:
    return not step.is_row and not is_reduction(step.call)
