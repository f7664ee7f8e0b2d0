"""Points of hyperbolic space of curvature -c: lifted, averaged, and read off as vectors again.

A point is carried as (gamma p, gamma), p its place in Klein's ball of radius 1 / sqrt(c) and gamma
its Lorentz factor. Sums of points with weights that are not negative are points again, and their
place is Einstein's midpoint, which is also the centroid in Lorentz's model (Ungar 2008; Law et al.
2019; Shimizu, Mukuta and Harada 2021, arXiv 2006.08210, theorem 4). At c = 0 all of it is the plain
weighted mean, without a branch.

Three functions of s = c r² are enough. Each is smooth at 0, where a root has no derivative: below
`NEAR` they are their Taylor series.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from st.nn import ops
from st.nn.tape import Tensor

NEAR = 1e-2
"""Below this a series of seven terms is exact to 1e-14."""
FARTHEST = 1.0 - 1e-6
"""What `atanhc` takes at most; in float32 the next numbers below 1 are 6e-8 apart."""

_TANHC = (1.0, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925, 21844 / 6081075)
_ATANHC = tuple(1.0 / (2 * n + 1) for n in range(7))
_COSH = (1.0, 1 / 2, 1 / 24, 1 / 720, 1 / 40320, 1 / 3628800, 1 / 479001600)


def tanhc(s: Tensor) -> Tensor:
    """Return tanh(sqrt(s)) / sqrt(s) for s >= 0; 1 at 0."""

    def closed(root: Tensor) -> Tensor:
        return ops.tanh(root) / root

    return _smooth(s, _TANHC, closed)


def atanhc(s: Tensor) -> Tensor:
    """Return artanh(sqrt(s)) / sqrt(s) for 0 <= s < 1; 1 at 0, and constant from `FARTHEST` on."""

    def closed(root: Tensor) -> Tensor:
        return 0.5 * (ops.log(1.0 + root) - ops.log(1.0 - root)) / root

    return _smooth(ops.minimum(s, FARTHEST), _ATANHC, closed)


def lorentz_factor(s: Tensor) -> Tensor:
    """Return cosh(sqrt(s)) for s >= 0; 1 at 0."""

    def closed(root: Tensor) -> Tensor:
        grown = ops.exp(root)
        return 0.5 * (grown + 1.0 / grown)

    return _smooth(s, _COSH, closed)


def clamp(v: Tensor, radius: float) -> Tensor:
    """Return v, `(..., n)`, shortened smoothly so that its length stays below `radius`."""
    return v * (radius / ops.sqrt(_squared(v) + radius * radius))


def lift(v: Tensor, curvature: Tensor) -> Tensor:
    """Return the points that lie |v| away from the origin in the direction of v.

    The exponential map at the origin. v `(..., n)` and `curvature`, at least 0 and broadcast to
    `(..., 1)`, give `(..., n + 1)`: gamma p and gamma.
    """
    s = curvature * _squared(v)
    gamma = lorentz_factor(s)
    return ops.concat([gamma * tanhc(s) * v, gamma], v.ndim - 1)


def midpoint(total: Tensor, prior: Tensor) -> Tensor:
    """Return the place, in Klein's ball, of a weighted sum of points and a point at the origin.

    total `(..., n + 1)` and the weight of the origin, positive, `(..., 1)`, give `(..., n)`. With
    little evidence in `total` the place is near 0.
    """
    return total[..., :-1] / (total[..., -1:] + prior)


def log_map(place: Tensor, curvature: Tensor) -> Tensor:
    """Return the vector from the origin to a place in Klein's ball: what `lift` made points of."""
    return place * atanhc(curvature * _squared(place))


def _squared(v: Tensor) -> Tensor:
    return ops.sum(v * v, v.ndim - 1, keep_axes=True)


def _smooth(s: Tensor, series: Sequence[float], closed: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the series of s where s is small, else the closed form of its root."""
    *first, before, last = series
    near = s * last + before
    for factor in reversed(first):
        near = near * s + factor
    return ops.where(s < NEAR, near, closed(ops.sqrt(ops.maximum(s, NEAR))))
