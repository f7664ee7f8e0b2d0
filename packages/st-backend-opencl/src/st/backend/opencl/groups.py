"""Which calls of a plan run together in one launch, and in which order the launches come.

Elementwise calls over as many elements join, and with them sums and maxima of their rows and what
is done with those: a softmax, or the whole update of an optimizer, is one group. What one call of
a group hands to another must lie in the same place for both, so each element depends on its own
row alone and no work-item waits for another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Literal

from st.backend.opencl.space import Shape, is_one_axis, place_of, refined
from st.core.backend import Call, Storage, View, spec

MOST_OPERANDS = 11
"""Views in a launch: an OpenCL device need not take more than 1,024 bytes of arguments."""

MOST_CONSTANTS = 10

MOST_AXES = 8

MOST_COLUMNS = 8192
"""Elements of a row that one work-item reduces; longer rows are shared between several."""

REDUCTIONS = ("sum", "max")

LOOK_BACK = 12
"""Groups that a call may join, the latest ones."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A view that a call goes along, and what for."""

    view: View
    use: Literal["read", "write", "table"] = "read"


@dataclass(slots=True)
class Group:
    """Calls that run in one launch; `space` is None for a call that runs by itself."""

    calls: list[int] = field(default_factory=list)
    space: Shape | None = None
    n_columns: int = 1
    """Length of the rows that are reduced; 1 while none is."""

    @property
    def is_fused(self) -> bool:
        """Whether several calls run as one."""
        return len(self.calls) > 1


def group(calls: Sequence[Call], is_known: Callable[[Call], bool]) -> list[Group]:
    """Return the groups in an order in which they may run.

    Args:
        calls: The calls of a plan, in order.
        is_known: Whether a call can be part of a generated kernel.
    """
    found: list[Group] = []
    home: dict[int, int] = {}
    seen: dict[Storage, list[tuple[int, View, bool]]] = {}
    touching = _touching(calls)
    for n, call in enumerate(calls):
        accesses = _accesses(call)
        after = max(
            (
                home[m]
                for view, writes in accesses
                for m, other, other_writes in seen.get(view.storage, ())
                if (writes or other_writes) and _overlap(view, other)
            ),
            default=0,
        )
        place = len(found)
        if is_known(call) and _space(call) is not None:
            for k in range(max(after, place - LOOK_BACK), place):
                if _joins(found[k], n, calls, touching):
                    place = k
                    break
            else:
                found.append(_alone(n, call))
        else:
            found.append(Group([n]))
        home[n] = place
        for view, writes in accesses:
            seen.setdefault(view.storage, []).append((n, view, writes))
    return found


def inner_temporaries(calls: Sequence[Call], groups: Sequence[Group]) -> set[Storage]:
    """Return the temporaries that live within one fused group: they need no memory."""
    homes: dict[Storage, set[int]] = {}
    for k, each in enumerate(groups):
        for n in each.calls:
            for view, _ in _accesses(calls[n]):
                homes.setdefault(view.storage, set()).add(k)
    return {
        storage
        for storage, where in homes.items()
        if storage.role == "temp" and len(where) == 1 and groups[min(where)].is_fused
    }


def is_reduction(call: Call) -> bool:
    """Whether the call makes one number of each row of its input."""
    return call.op in REDUCTIONS


def columns(call: Call) -> int:
    """Return the length of the rows that a call reduces; 1 for elementwise ones, 0 for others."""
    if not is_reduction(call):
        return 1
    shape = call.inputs[0].spec.shape
    axes = sorted(axis % len(shape) for axis in call.attr("axes"))
    n = prod(shape[axis] for axis in axes)
    is_trailing = axes == list(range(len(shape) - len(axes), len(shape)))
    return n if is_trailing and 1 < n <= MOST_COLUMNS else 0


def walked(call: Call) -> list[Walked]:
    """Return what a call reads and writes element by element, all as views of its space's shape.

    A "take" reads its table at places that its indices name, beside where it is in its space.
    """
    if call.op != "take":
        reads = [Walked(x) for x in call.inputs if isinstance(x, View)]
        return [*reads, *(Walked(y, "write") for y in call.outputs)]
    table, indices = call.inputs
    (out,) = call.outputs
    assert isinstance(table, View)
    assert isinstance(indices, View)
    shape, n_axes = out.spec.shape, len(indices.spec.shape)
    rows = (*indices.strides, *(0 for _ in table.strides[1:]))
    row = (*(0 for _ in range(n_axes)), *table.strides[1:])
    return [
        Walked(View(table.storage, spec(shape, table.spec.dtype), row, table.offset), "table"),
        Walked(View(indices.storage, spec(shape, indices.spec.dtype), rows, indices.offset)),
        Walked(out, "write"),
    ]


def _alone(n: int, call: Call) -> Group:
    return Group([n], _space(call), columns(call))


def _space(call: Call) -> Shape | None:
    """Return the space a call walks, or None when it can walk none with others."""
    n_columns = columns(call)
    shape = (call.inputs[0] if is_reduction(call) else call.outputs[0]).spec.shape
    if n_columns == 0 or 0 in shape:
        return None
    space = refined(shape) if n_columns == 1 else refined(shape, (n_columns,))
    return space if space is not None and len(space) <= MOST_AXES else None


def _joins(found: Group, n: int, calls: Sequence[Call], touching: Touching) -> bool:
    """Add call `n` to a group if it fits, and say whether it did."""
    if found.space is None:
        return False
    call, size = calls[n], prod(found.space)
    own = columns(call)
    n_columns = max(found.n_columns, own)
    if own not in (1, n_columns) or found.n_columns not in (1, n_columns):
        return False
    whole = call.inputs[0].spec if is_reduction(call) else call.outputs[0].spec
    is_row = n_columns > 1 and own == 1 and whole.size * n_columns == size
    if whole.size != size and not is_row:
        return False
    shape = (*whole.shape, n_columns) if is_row else whole.shape
    space = refined(found.space, shape, (n_columns,))
    if space is None or len(space) > MOST_AXES:
        return False
    members = [*found.calls, n]
    if not _agree([calls[m] for m in members], space, n_columns):
        return False
    if _n_operands(members, calls, touching) > MOST_OPERANDS:
        return False
    found.calls, found.space, found.n_columns = members, space, n_columns
    return True


def _agree(calls: Sequence[Call], space: Shape, n_columns: int) -> bool:
    """Whether whatever is written lies in one place for all, and rows lie evenly."""
    places: dict[Storage, set[object]] = {}
    written = {view.storage for call in calls for view in call.outputs}
    for call in calls:
        for each in walked(call):
            view = each.view
            place = place_of(space, view, columns_beside(view, space, n_columns))
            if n_columns > 1 and not is_one_axis(space, place[1], n_columns):
                return False
            if view.storage in written:
                if each.use == "table":
                    return False
                places.setdefault(view.storage, set()).add((place, view.spec.dtype))
    n_constants = sum(len(call.inputs) for call in calls) - sum(
        isinstance(x, View) for call in calls for x in call.inputs
    )
    return n_constants <= MOST_CONSTANTS and all(len(each) == 1 for each in places.values())


def columns_beside(view: View, space: Shape, n_columns: int) -> int:
    """Return `n_columns` for a view of one number for each row, 1 for one of the whole space."""
    return n_columns if view.spec.size != prod(space) else 1


Touching = dict[Storage, set[int]]
"""The calls that read or write each storage."""


def _touching(calls: Sequence[Call]) -> Touching:
    found: Touching = {}
    for n, call in enumerate(calls):
        for view, _ in _accesses(call):
            found.setdefault(view.storage, set()).add(n)
    return found


def _n_operands(members: Sequence[int], calls: Sequence[Call], touching: Touching) -> int:
    """Count the views that come from memory or go there, as far as is known now."""
    inside = set(members)
    return len(
        {
            (view.storage, view.offset, view.spec, view.strides)
            for n in members
            for view, _ in _accesses(calls[n])
            if view.storage.role != "temp" or not touching[view.storage] <= inside
        }
    )


def _accesses(call: Call) -> list[tuple[View, bool]]:
    """Return the views of a call, each with whether it is written."""
    read = [(x, False) for x in call.inputs if isinstance(x, View)]
    return [*read, *((y, True) for y in call.outputs)]


def _overlap(a: View, b: View) -> bool:
    """Whether two views of one storage may share an element (bounds are compared)."""
    if a.spec.dtype != b.spec.dtype:
        return True
    return _first(a) < _end(b) and _first(b) < _end(a)


def _first(view: View) -> int:
    return view.offset + sum(
        (n - 1) * s for n, s in zip(view.spec.shape, view.strides, strict=True) if s < 0
    )


def _end(view: View) -> int:
    if view.spec.size == 0:
        return view.offset
    ahead = [(n - 1) * s for n, s in zip(view.spec.shape, view.strides, strict=True) if s > 0]
    return view.offset + sum(ahead) + 1
