"""Cases of argsort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import isnan

import numpy as np

from st.core.testing.backend.case import INF, NAN, Array, Case, layouts, values

SORTED: tuple[tuple[tuple[int, ...], int], ...] = (
    ((7,), 0),
    ((1,), 0),
    ((0,), 0),
    ((2,), 0),
    ((3,), 0),
    ((64,), 0),
    ((6, 5), 0),
    ((6, 5), 1),
    ((3, 4, 5), 1),
    ((2, 0, 3), 1),
    ((0, 4), 1),
    ((3, 1, 2), 1),
    ((5, 1031), 1),
    ((1031, 5), 0),
    ((20_011,), 0),
)


def order_cases(dtypes: Sequence[str]) -> Iterator[Case]:
    """Yield the cases of argsort; many values are equal, so that stability shows."""
    for dtype in dtypes:
        for shape, axis in SORTED:
            yield ordered(f"argsort-{dtype}-{shape}-{axis}", values(shape, dtype), axis)
        for (layout, x), axis in product(layouts((6, 5), dtype).items(), (0, 1)):
            yield ordered(f"argsort-{dtype}-{layout}-{axis}", x, axis)
        yield ordered(f"argsort-{dtype}-all-equal", np.ones((3, 40), dtype), 1)
        if dtype.startswith("float"):
            x = np.array([[NAN, 1, -INF, NAN, INF, 0.0, -0.0, INF, 1, NAN]], dtype)
            yield ordered(f"argsort-{dtype}-special", x, 1)
        elif dtype != "bool":
            ends = np.iinfo(dtype)
            x = np.array([ends.max, 0, ends.min, 1, ends.max, ends.min], dtype)
            yield ordered(f"argsort-{dtype}-ends", x, 0)


def ordered(id: str, x: Array, axis: int) -> Case:
    """Return the case of argsort, found by Python's sort of each row, which is stable."""
    moved = np.moveaxis(x, axis, -1)
    n = x.shape[axis]
    rows = [_order(row.tolist()) for row in moved.reshape(-1, n)] if x.size else []
    expected = np.array(rows, np.int64).reshape(moved.shape)
    expected = np.ascontiguousarray(np.moveaxis(expected, -1, axis))
    return Case(id, "argsort", (x,), expected, attrs=(("axis", axis),))


def _order(row: list[float]) -> list[int]:
    # Equal keys stay in order, and -0.0 equals 0.0. All NaN have one key.
    return sorted(range(len(row)), key=lambda n: (isnan(row[n]), 0 if isnan(row[n]) else row[n]))
