"""First values: their distributions and their independence of order."""

import numpy as np
import pytest

from st.nn.init import Constant, Normal, generator, kaiming_uniform, ones, zeros


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
