"""Runs of elementwise calls on long vectors, taken strip by strip so that they stay in the cache.

Ten calls on a vector of 8 MB read and write memory ten times; strip by strip they do so once, and
what lives only within the run needs memory for one strip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from st.core.backend import (
    DTYPES,
    SIGNATURES,
    Call,
    Const,
    Lifetime,
    Storage,
    View,
    lifetimes,
    spec,
)

STRIP = 1 << 14
"""Elements: 64 KB of float32, a few of which fit a second-level cache. Adam on 1.9 million
parameters took 4.0 ms in such strips, 5.9 whole, 5.3 in strips of 2 to the 12, 3.8 of 2 to the 16
(on a processor with 2 MB for each core; many have less)."""

Group = tuple[int, ...]


def groups(calls: Sequence[Call], is_known: Callable[[Call], bool]) -> list[Group]:
    """Return the numbers of the calls in order, those that may be taken in strips together.

    `is_known` says whether a call is one of ours, and not a kernel of a plugin.
    """
    found: list[Group] = []
    current: list[int] = []
    for n, call in enumerate(calls):
        fits = is_known(call) and _is_long(call)
        together = [calls[m] for m in current]
        if current and not (
            fits and _size(call) == _size(together[0]) and _aligned([*together, call])
        ):
            found += _closed(current)
            current = []
        if fits:
            current.append(n)
        else:
            found.append((n,))
    return found + _closed(current)


def in_strips(calls: Sequence[Call], inner: Mapping[Storage, Storage]) -> list[Call]:
    """Return the calls of a group, strip by strip; `inner` temporaries begin anew in each."""
    size = _size(calls[0])
    edges = [*range(0, size, STRIP), size]
    return [_part(call, start, stop, inner) for start, stop in pairwise(edges) for call in calls]


def inner_temporaries(
    calls: Sequence[Call], found: Sequence[Group]
) -> tuple[dict[Storage, Storage], dict[Storage, Lifetime]]:
    """Return a small storage for each temporary that lives in one group, and all lifetimes.

    The lifetimes are those of groups, with the small storages in place of the large ones.
    """
    lives = lifetimes([calls[n] for n in group] for group in found)
    small: dict[Storage, Storage] = {}
    for number, group in enumerate(found):
        if len(group) < 2:
            continue
        for call in (calls[n] for n in group):
            for x in call.outputs:
                life = lives.get(x.storage)
                if life is not None and life.first == life.last == number:
                    n_bytes = STRIP * DTYPES[x.spec.dtype]
                    small.setdefault(x.storage, Storage(n_bytes, "temp"))
    return small, {small.get(storage, storage): life for storage, life in lives.items()}


def _goes_with(group: Sequence[Call], call: Call) -> bool:
    return _size(call) == _size(group[0]) and _aligned([*group, call])


def _closed(group: list[int]) -> list[Group]:
    return [tuple(group)] if group else []


def _size(call: Call) -> int:
    return call.outputs[0].spec.size


def _is_long(call: Call) -> bool:
    """Whether a call is elementwise on long dense vectors and scalars alone."""
    signature = SIGNATURES.get(call.op)
    if signature is None or signature.kind != "elementwise" or len(call.outputs) != 1:
        return False
    if _size(call) < 2 * STRIP or not call.outputs[0].is_dense:
        return False
    return all(isinstance(x, Const) or x.is_dense or _is_scalar(x) for x in call.inputs)


def _is_scalar(view: View) -> bool:
    return not any(view.strides)


def _aligned(calls: Sequence[Call]) -> bool:
    """Whether every storage that is written is looked at from one offset, in one element size.

    Then what a strip of one call reads of another is in the same strip.
    """
    written = {y.storage for call in calls for y in call.outputs}
    seen: dict[Storage, tuple[int, int]] = {}
    for call in calls:
        for x in (*call.inputs, *call.outputs):
            if isinstance(x, View) and x.storage in written:
                place = (x.offset, DTYPES[x.spec.dtype])
                if _is_scalar(x) or seen.setdefault(x.storage, place) != place:
                    return False
    return True


def _part(call: Call, start: int, stop: int, inner: Mapping[Storage, Storage]) -> Call:
    def part(view: View) -> View:
        of = spec((stop - start,), view.spec.dtype)
        if _is_scalar(view):
            return View(view.storage, of, (0,), view.offset)
        small = inner.get(view.storage)
        if small is not None:
            return View(small, of, (1,))
        return View(view.storage, of, (1,), view.offset + start)

    inputs = tuple(x if isinstance(x, Const) else part(x) for x in call.inputs)
    return replace(call, inputs=inputs, outputs=tuple(map(part, call.outputs)))
