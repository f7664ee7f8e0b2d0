"""Which temporaries live when, and which may lie in the same memory.

Liveness follows fusion: a backend asks about its launches (groups of calls), not about the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from st.core.backend.contract import Call, Storage, View


@dataclass(slots=True)
class Lifetime:
    """First and last launch that touches a storage, both inclusive."""

    first: int
    last: int


def lifetimes(groups: Iterable[Sequence[Call]]) -> dict[Storage, Lifetime]:
    """Return the lifetime of every storage with role "temp", in order of first use."""
    found: dict[Storage, Lifetime] = {}
    for n, calls in enumerate(groups):
        for call in calls:
            for x in (*call.inputs, *call.outputs):
                if isinstance(x, View) and x.storage.role == "temp":
                    found.setdefault(x.storage, Lifetime(n, n)).last = n
    return found


def share(lives: Mapping[Storage, Lifetime]) -> tuple[dict[Storage, int], list[int]]:
    """Give every storage a slot so that no two that live at once have the same.

    Greedy by first use, best fit: the smallest free slot that is large enough, else the largest
    free one grows, else a new one.

    Returns:
        The slot of each storage, and the size of each slot in bytes.
    """
    slots: dict[Storage, int] = {}
    sizes: list[int] = []
    free: list[int] = []
    ending = sorted(lives, key=lambda storage: lives[storage].last)
    ended = 0
    for storage in sorted(lives, key=lambda storage: lives[storage].first):
        while ended < len(ending) and lives[ending[ended]].last < lives[storage].first:
            free.append(slots[ending[ended]])
            ended += 1
        fitting = [slot for slot in free if sizes[slot] >= storage.nbytes]
        if fitting:
            slot = min(fitting, key=sizes.__getitem__)
            free.remove(slot)
        elif free:
            slot = max(free, key=sizes.__getitem__)
            free.remove(slot)
            sizes[slot] = storage.nbytes
        else:
            slot = len(sizes)
            sizes.append(storage.nbytes)
        slots[storage] = slot
    return slots, sizes
