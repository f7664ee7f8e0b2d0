"""Which numbers may enter a model: those that its tables have rows for.

Kernels clamp an index that is outside its table; so indices are checked where they enter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from st.core.backend import Call, Const, Storage, View
from st.nn.host import BatchError


@dataclass(frozen=True, slots=True)
class Limit:
    """Numbers of each example that a table is looked up with.

    `view` shows them in a batch; from there the same strides show them in any other batch.
    """

    n_rows: int
    where: str
    view: View

    def check(self, x: NDArray[Any]) -> None:
        """Make sure that the table has rows for the numbers of a batch, dense.

        Raises:
            BatchError: It has none for one of them; names it.
        """
        if not x.size:
            return
        looked_up = x if self.view.is_dense else self._part(x)
        if x.dtype.kind == "f":
            is_inside = looked_up.min() > -1 and looked_up.max() < self.n_rows
        else:
            # Seen as unsigned, a negative number is huge: one reduction checks both ends.
            whole = looked_up.view(f"u{x.itemsize}")
            is_inside = bool(np.maximum.reduce(whole, None) < self.n_rows)
        if not is_inside:
            wrong = looked_up[~((looked_up > -1) & (looked_up < self.n_rows))][0]
            raise BatchError(
                f"x holds {wrong}, but the table of {self.where} has rows for 0 to "
                f"{self.n_rows - 1}"
            )

    def _part(self, x: NDArray[Any]) -> NDArray[Any]:
        steps = [stride * x.itemsize for stride in self.view.strides]
        start = x.reshape(-1)[self.view.offset :]
        return as_strided(start, (len(x), *self.view.spec.shape[1:]), steps, writeable=False)


def limits(calls: Sequence[Call], entering: View) -> tuple[Limit, ...]:
    """Return what limits the numbers that enter at `entering`, a dense batch, in `calls`.

    Found are tables looked up with these numbers, with some of them, or with them cast; numbers
    that are computed with first are not followed.
    """
    casts: dict[Storage, View] = {}
    found = []
    for call in calls:
        looked_at = [_origin(x, entering, casts) for x in call.inputs]
        if call.op == "cast" and looked_at[0] is not None:
            casts[call.outputs[0].storage] = looked_at[0]
        elif call.op == "take" and _is_by_example(looked_at[1], entering):
            found.append(Limit(call.inputs[0].spec.shape[0], call.where, looked_at[1]))
    return tuple(found)


def _origin(x: View | Const, entering: View, casts: Mapping[Storage, View]) -> View | None:
    """Return where the numbers that a call sees entered, or None where they are others."""
    if isinstance(x, Const):
        return None
    if x.storage is entering.storage:
        return x
    known = casts.get(x.storage)
    return known if known is not None and known.spec.shape == x.spec.shape else None


def _is_by_example(view: View | None, entering: View) -> TypeGuard[View]:
    """Whether the first axis of a view, if there is one, goes from example to example."""
    return (
        view is not None
        and view.spec.shape[:1] == entering.spec.shape[:1]
        and view.strides[:1] == entering.strides[:1]
    )
