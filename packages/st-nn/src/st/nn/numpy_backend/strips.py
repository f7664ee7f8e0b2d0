"""Runs of calls on large arrays, taken part by part so that they stay in the cache.

Ten calls on a vector of 8 MB read and write memory ten times; part by part they do so once, and
what lives only within the run needs memory for one part. A part is a range of the leading axis,
which every call of a run has: rows of a matrix, images of a batch, heads of an attention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd, inf

from st.core.backend import DTYPES, Call, Lifetime, Storage, View, lifetimes, spec
from st.nn.numpy_backend.leading import Led, led

STRIP = 1 << 16
"""Elements of the largest operand of a part: 256 KB of float32, a few of which fit a second-level
cache of 2 MB. Processor time of three steps with parts of 2 to the 14, 15 and 16, one core, others
busy: 1.02, 1, 0.98 for the character model, 1.04, 1, 0.99 for a perceptron of 1024, 1.03, 1, 0.98
for a convolution of 28 x 28. Adam on 1.9 million parameters takes 1.4 times as long when whole."""
LARGEST_UNIT = 1 << 16
"""Elements of the smallest part that calls have in common, up to which they run together."""


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that are one launch: one call as it is, or several part by part."""

    calls: tuple[int, ...]
    led: tuple[Led, ...] = ()
    """The calls along their leading axis, when they are done in parts."""
    edges: tuple[int, ...] = ()
    """Where parts begin, and the last ends, in the units that all calls have in common."""

    @property
    def longest(self) -> int:
        """Units of the largest part."""
        return max(stop - start for start, stop in pairwise(self.edges))

    @property
    def size(self) -> int:
        """Elements of the largest operands of all calls together."""
        return sum(one.size for one in self.led)


def groups(
    calls: Sequence[Call], is_known: Callable[[Call], bool], shared_from: float = inf
) -> list[Group]:
    """Return the numbers of the calls in order, those that may be taken in parts together.

    Args:
        calls: All of them.
        is_known: Whether a call is one of ours, and not a kernel of a plugin.
        shared_from: Elements from which a call is taken in parts even when it is alone.
    """
    found: list[Group] = []
    current: list[tuple[int, Led]] = []
    for n, call in enumerate(calls):
        seen = led(call) if is_known(call) else None
        if current and (seen is None or not _together([one for _, one in current], seen)):
            found += _closed(current, shared_from)
            current = []
        if seen is None:
            found.append(Group((n,)))
        else:
            current.append((n, seen))
    return found + _closed(current, shared_from)


def _together(group: Sequence[Led], more: Led) -> bool:
    whole = [*group, more]
    n_units = _n_units(whole)
    if n_units < 2 or max(one.size for one in whole) // n_units > LARGEST_UNIT:
        return False
    return _aligned(whole, n_units)


def _n_units(group: Sequence[Led]) -> int:
    """Return into how many equal parts all calls can be divided."""
    return gcd(*(one.n_units for one in group))


def _closed(group: Sequence[tuple[int, Led]], shared_from: float) -> list[Group]:
    """Return a run as one group, or as single calls where there is too little of it."""
    numbers, seen = tuple(n for n, _ in group), tuple(one for _, one in group)
    largest = max((one.size for one in seen), default=0)
    if (len(group) > 1 and largest >= 2 * STRIP) or largest >= shared_from:
        n_units = _n_units(seen)
        step = max(1, STRIP * n_units // largest)
        return [Group(numbers, seen, (*range(0, n_units, step), n_units))]
    return [Group((n,)) for n in numbers]


def _aligned(group: Sequence[Led], n_units: int) -> bool:
    """Whether what a part of one call reads of another is made by the same part.

    Every storage that is written has to be divided alike by all that look at it.
    """
    written = {y.storage for one in group for y in one.call.outputs}
    divided: dict[Storage, tuple[int, int]] = {}
    for one in group:
        for x in (*one.call.outputs, *one.call.inputs):
            if isinstance(x, View) and x.storage in written:
                start, width = divided.setdefault(x.storage, _division(x, n_units))
                if not _is_within(x, n_units, start, width):
                    return False
    return True


def _division(view: View, n_units: int) -> tuple[int, int]:
    """Return where the first unit of a view begins, and how long each is, in bytes."""
    size = DTYPES[view.spec.dtype]
    rows = view.spec.shape[0] // n_units
    return view.offset * size, rows * view.strides[0] * size


def _is_within(view: View, n_units: int, start: int, width: int) -> bool:
    """Whether unit n of a view lies within unit n of what begins at `start`."""
    size = DTYPES[view.spec.dtype]
    first, own_width = _division(view, n_units)
    if own_width != width or width <= 0 or min(view.strides) < 0:
        return False
    rows = view.spec.shape[0] // n_units
    extents = zip((rows, *view.spec.shape[1:]), view.strides, strict=True)
    last = sum((n - 1) * stride for n, stride in extents)
    return first >= start and first - start + (last + 1) * size <= width


@dataclass(frozen=True, slots=True)
class Inner:
    """The memory of one part, in place of that of a whole temporary."""

    storage: Storage
    start: int
    """Bytes at which the whole begins."""


def inner_temporaries(
    calls: Sequence[Call], found: Sequence[Group], n_threads: int = 1
) -> tuple[dict[Storage, Inner], dict[Storage, Lifetime]]:
    """Return a small storage for each temporary that lives in one group, and all lifetimes.

    The lifetimes are those of groups, with the small storages in place of the large ones. A small
    storage has room for one part for each of `n_threads`.
    """
    lives = lifetimes([calls[n] for n in group.calls] for group in found)
    inner: dict[Storage, Inner] = {}
    for number, group in enumerate(found):
        if not group.edges:
            continue
        for x in (y for one in group.led for y in one.call.outputs):
            life = lives.get(x.storage)
            if life is not None and life.first == life.last == number and x.storage not in inner:
                start, width = _division(x, group.edges[-1])
                n_bytes = width * group.longest * n_threads
                inner[x.storage] = Inner(Storage(n_bytes, "temp"), start)
    named = {storage: made.storage for storage, made in inner.items()}
    return inner, {named.get(storage, storage): life for storage, life in lives.items()}


def parts(
    view: View,
    group: Group,
    inner: Mapping[Storage, Inner],
    threads: Sequence[int],
) -> tuple[View, list[slice]]:
    """Return what to look at in memory, and which of its rows are those of each part of `view`.

    `threads` says for each part who does it; of a temporary within the group each thread has
    memory for one part.
    """
    rows = view.spec.shape[0] // group.edges[-1]
    small = inner.get(view.storage)
    edges = list(pairwise(group.edges))
    if small is None:
        return view, [slice(start * rows, stop * rows) for start, stop in edges]
    room = rows * group.longest
    of = spec((room * (max(threads) + 1), *view.spec.shape[1:]), view.spec.dtype)
    offset = view.offset - small.start // DTYPES[view.spec.dtype]
    places = [
        slice(thread * room, thread * room + (stop - start) * rows)
        for thread, (start, stop) in zip(threads, edges, strict=True)
    ]
    return View(small.storage, of, view.strides, offset), places
