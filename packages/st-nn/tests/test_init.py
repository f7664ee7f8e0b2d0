"""First values: their distributions and their independence of order."""

from typing import get_args

import numpy as np
import pytest

from st.nn.init import (
    Constant,
    Normal,
    Orthogonal,
    Start,
    generator,
    kaiming_normal,
    kaiming_uniform,
    ones,
    start,
    xavier_normal,
    xavier_uniform,
    zeros,
)


def test_kaiming_bound_is_that_of_pytorchs_linear() -> None:
    values = kaiming_uniform(64)(generator(0, "w"), (64, 500))

    assert np.abs(values).max() == pytest.approx(1 / 8, rel=1e-3)
    # The deviation of an even distribution is its bound over the root of three.
    assert values.std() == pytest.approx(1 / 8 / np.sqrt(3), rel=0.02)


def test_kaiming_of_no_inputs_is_zero() -> None:
    assert not kaiming_uniform(0)(generator(0, "w"), (0, 3)).any()
    assert not kaiming_uniform(0)(generator(0, "b"), (3,)).any()


def test_normal_has_its_deviation() -> None:
    assert Normal(0.02)(generator(0, "w"), (20_000,)).std() == pytest.approx(0.02, rel=0.03)


def test_constants_draw_nothing() -> None:
    drawn, fresh = generator(0, "w"), generator(0, "w")

    assert (zeros()(drawn, (3,)) == 0).all()
    assert (ones()(drawn, (3,)) == 1).all()
    assert (Constant(0.5)(drawn, (2, 2)) == 0.5).all()
    assert drawn.random() == fresh.random()


def test_names_that_run_together_have_streams_of_their_own() -> None:
    assert generator(1, "2.w").random() != generator(12, ".w").random()


def test_deviations_are_those_of_the_papers() -> None:
    shape = (400, 100)

    assert kaiming_normal(50)(generator(0, "w"), shape).std() == pytest.approx(0.2, rel=0.02)
    assert xavier_normal(30, 20)(generator(0, "w"), shape).std() == pytest.approx(0.2, rel=0.02)
    even = xavier_uniform(30, 20)(generator(0, "w"), shape)
    assert np.abs(even).max() == pytest.approx(np.sqrt(6 / 50), rel=1e-3)
    # Of both kinds, so that what goes in has the same variance as what comes out.
    assert even.std() == pytest.approx(0.2, rel=0.02)


def test_no_inputs_and_outputs_start_at_zero() -> None:
    for nothing in (kaiming_normal(0), xavier_normal(0, 0), xavier_uniform(0, 0)):
        assert not nothing(generator(0, "w"), (0, 3)).any()


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (3, 3, 4)], ids=str)
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    made = Orthogonal(gain=2.0)(generator(0, "w"), shape)

    matrix = made.reshape(-1, shape[-1])
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-12)


def test_orthogonal_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two axes"):
        Orthogonal()(generator(0, "w"), (3,))


@pytest.mark.parametrize("shape", [(30, 20), (5, 30, 20), (3, 3, 30, 20)], ids=str)
@pytest.mark.parametrize("name", get_args(Start))
def test_start_by_name_knows_the_inputs_and_outputs(name: Start, shape: tuple[int, ...]) -> None:
    places = int(np.prod(shape[:-2]))
    fan_in, fan_out = 30 * places, 20 * places
    expected = {
        "kaiming_uniform": fan_in**-0.5 / 3**0.5,
        "kaiming_normal": (2 / fan_in) ** 0.5,
        "xavier_uniform": (2 / (fan_in + fan_out)) ** 0.5,
        "xavier_normal": (2 / (fan_in + fan_out)) ** 0.5,
        "orthogonal": max(fan_in, 20) ** -0.5,
        "zeros": 0.0,
    }

    made = start(name, shape)(generator(0, "w"), shape)

    assert made.std() == pytest.approx(expected[name], rel=0.1)


def test_weight_starts_as_pytorchs_unless_named() -> None:
    assert start(None, (3, 3, 8, 4)) == kaiming_uniform(72)
