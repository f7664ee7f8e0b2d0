"""Hyperbolic points: what holds of them whatever the vectors, the weights and the curvature."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape, Tensor
from st.nn.testing import gradcheck
from st.nn.zspace_coherence.geometry import (
    atanhc,
    clamp,
    lift,
    log_map,
    lorentz_factor,
    midpoint,
    tanhc,
)

Array = NDArray[np.float64]
LAW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
CURVATURES = st.floats(0.0, 4.0)


def computed(function: Callable[..., Tensor], *inputs: Array | float) -> Array:
    tape = Tape(NumPyBackend())
    return function(*(tape.input(np.asarray(x, np.float64)) for x in inputs)).numpy()


def vectors(seed: int, scale: float = 1.0) -> Array:
    return np.random.default_rng(seed).normal(size=(5, 3)) * scale


@pytest.mark.parametrize(
    ("ours", "exact"),
    [
        (tanhc, lambda r: np.tanh(r) / r),
        (atanhc, lambda r: np.arctanh(r) / r),
        (lorentz_factor, np.cosh),
    ],
    ids=["tanhc", "atanhc", "lorentz factor"],
)
def test_series_and_closed_forms_are_the_functions(
    ours: Callable[[Tensor], Tensor], exact: Callable[[Array], Array]
) -> None:
    s = np.concatenate([np.geomspace(1e-12, 0.98, 200), [0.00999999, 0.01]])

    np.testing.assert_allclose(computed(ours, s), exact(np.sqrt(s)), rtol=2e-14, atol=0)


@pytest.mark.parametrize("function", [tanhc, atanhc, lorentz_factor])
def test_functions_have_their_derivative_on_both_sides_and_at_zero(
    function: Callable[[Tensor], Tensor],
) -> None:
    assert gradcheck(function, np.array([0.0, 0.002, 0.009, 0.02, 0.3, 0.9])) < 1e-8


@LAW
@given(SEEDS, CURVATURES)
def test_log_map_undoes_lift(seed: int, c: float) -> None:
    v = vectors(seed)

    back = computed(lambda v, c: log_map(midpoint(lift(v, c), c * 0.0), c), v, [c])

    # Near the rim of the ball a place tells the distance less and less exactly.
    far = c * (v * v).sum(1) > 30
    np.testing.assert_allclose(back[~far], v[~far], rtol=1e-3, atol=1e-12)


@LAW
@given(SEEDS, CURVATURES)
def test_points_lie_on_the_hyperboloid(seed: int, c: float) -> None:
    point = computed(lift, vectors(seed), [c])

    gamma, place = point[:, -1], point[:, :-1]
    np.testing.assert_allclose(gamma**2 - c * (place**2).sum(1), 1.0, rtol=1e-9 * gamma.max() ** 2)


@LAW
@given(SEEDS, st.floats(0.01, 4.0))
def test_midpoint_is_lorentz_centroid(seed: int, c: float) -> None:
    points = computed(lift, vectors(seed), [c])
    weights = np.random.default_rng(seed).random((5, 1)) + 0.01

    place = computed(lambda x: midpoint(x, x[..., -1:] * 0.0), (weights * points).sum(0))

    space, time = (weights * points[:, :-1]).sum(0), (weights * points[:, -1:]).sum(0) / c**0.5
    length = np.sqrt(c * (time**2 - (space**2).sum()))
    np.testing.assert_allclose(place, (space / length) / (c**0.5 * time / length), atol=1e-12)


@LAW
@given(SEEDS, CURVATURES, st.floats(0.0, 10.0))
def test_midpoint_is_no_farther_than_the_farthest_point(seed: int, c: float, prior: float) -> None:
    v = vectors(seed, 0.8)
    weights = np.random.default_rng(seed).random((5, 1)) + 0.01
    total = (weights * computed(lift, v, [c])).sum(0)

    made = computed(lambda t, p, c: log_map(midpoint(t, p), c), total, [prior], [c])

    assert np.linalg.norm(made) <= np.linalg.norm(v, axis=1).max() + 1e-9


@LAW
@given(SEEDS)
def test_flat_space_has_the_weighted_mean(seed: int) -> None:
    v = vectors(seed)
    points = computed(lift, v, [0.0])

    np.testing.assert_array_equal(points, np.column_stack([v, np.ones(5)]))
    made = computed(lambda t, p: log_map(midpoint(t, p), p * 0.0), points.sum(0), [0.5])
    np.testing.assert_allclose(made, v.sum(0) / 5.5, rtol=1e-15)


@LAW
@given(SEEDS, st.floats(0.0, 1e6))
def test_clamp_keeps_direction_and_stays_within_the_radius(seed: int, scale: float) -> None:
    v = vectors(seed, scale)

    made = computed(lambda v: clamp(v, 3.0), v)

    length, before = np.linalg.norm(made, axis=1), np.linalg.norm(v, axis=1)
    assert (length <= 3.0).all()
    np.testing.assert_allclose(made * before[:, None], v * length[:, None], rtol=1e-12)


@LAW
@given(SEEDS, CURVATURES)
def test_turning_all_vectors_turns_their_midpoint(seed: int, c: float) -> None:
    v = vectors(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))

    def met(v: Array) -> Array:
        total = computed(lift, v, [c]).sum(0)
        return computed(lambda t, c: log_map(midpoint(t, t[..., -1:]), c), total, [c])

    np.testing.assert_allclose(met(v @ turn), met(v) @ turn, atol=1e-12)
