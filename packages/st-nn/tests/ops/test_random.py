"""Random words and dropout: what they refuse, and what they give on the whole."""

import numpy as np
import pytest

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import DTypeError, OperandError, ShapeError, Tape


@pytest.fixture
def tape() -> Tape:
    return Tape(NumPyBackend())


def counter(tape: Tape, seed: int = 1, step: int = 1):
    return tape.input(np.array([seed, step], np.uint64))


def test_every_seed_step_and_stream_has_words_of_its_own(tape: Tape) -> None:
    drawn = [
        ops.philox(counter(tape, seed, step), (8,), stream).numpy().tobytes()
        for seed, step, stream in ((1, 1, 0), (2, 1, 0), (1, 2, 0), (1, 1, 1), (1, 1, 0))
    ]

    assert len(set(drawn)) == 4
    assert drawn[0] == drawn[-1]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_takes_its_share_and_keeps_the_mean(tape: Tape, rate: float) -> None:
    n = 200_000
    x = tape.input(np.ones(n, np.float32))

    y = ops.dropout(x, ops.philox(counter(tape), (n,), 5), rate).numpy()

    # Six standard deviations of a share of n.
    assert abs((y == 0).mean() - rate) < 6 * (rate * (1 - rate) / n) ** 0.5
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)


def test_dropout_of_nothing_keeps_every_bit(tape: Tape) -> None:
    values = np.random.default_rng(0).normal(size=99).astype(np.float32)
    x = tape.input(values)

    y = ops.dropout(x, ops.philox(counter(tape), (99,), 5), 0.0)

    assert y.numpy().tobytes() == values.tobytes()


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rate_outside_its_range_is_refused(tape: Tape, rate: float) -> None:
    x = tape.input(np.ones(3, np.float32))

    with pytest.raises(OperandError, match=r"dropout: the rate .* is not from 0 to below 1"):
        ops.dropout(x, ops.philox(counter(tape), (3,), 0), rate)


def test_words_that_are_no_words_for_x_are_refused(tape: Tape) -> None:
    x = tape.input(np.ones(3, np.float32))

    with pytest.raises(ShapeError, match=r"a word for each element; got float32\(3\), uint64\(4\)"):
        ops.dropout(x, ops.philox(counter(tape), (4,), 0), 0.5)
    with pytest.raises(DTypeError, match="the words are uint64; draw them with philox"):
        ops.dropout(x, tape.input(np.ones(3, np.int64)), 0.5)


def test_counter_that_is_none_is_refused(tape: Tape) -> None:
    with pytest.raises(DTypeError, match=r"philox: seed and step are uint64.*got int64\(2\)"):
        ops.philox(tape.input(np.ones(2, np.int64)), (3,), 0)
    with pytest.raises(ShapeError, match=r"philox: takes seed and step"):
        ops.philox(tape.input(np.ones(3, np.uint64)), (3,), 0)
    with pytest.raises(OperandError, match="the stream -1 is not from 0"):
        ops.philox(counter(tape), (3,), -1)
