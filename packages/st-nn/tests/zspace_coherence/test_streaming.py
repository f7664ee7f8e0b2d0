"""A sequence that goes on row by row is the sequence as a whole."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn.model import Model
from st.nn.numpy_backend import NumPyBackend
from st.nn.predictor import Predictor
from st.nn.zspace_coherence import StreamError, ZSpaceSequencer, ZSpaceStream


@pytest.mark.parametrize("taps", [None, 1, 4])
def test_steps_give_what_forward_gives(taps: int | None) -> None:
    sequencer = ZSpaceSequencer(heads=2, taps=taps, chunk=16)
    model = Model([("mixer", sequencer)], spec((100, 16), "float32"))
    parameters = model.initialise(3)
    x = np.random.default_rng(0).normal(size=(2, 100, 16)).astype(np.float32)
    stream = ZSpaceStream(sequencer, parameters, NumPyBackend(), path="mixer")
    state, rows = stream.init_state(2), []

    for t in range(100):
        y, state = stream.step(x[:, t], state)
        rows.append(y)

    expected = Predictor(model, parameters, NumPyBackend())(x)
    np.testing.assert_allclose(np.stack(rows, 1), expected, rtol=0, atol=1e-5)


def test_state_is_a_value_that_can_be_gone_back_to() -> None:
    sequencer = ZSpaceSequencer(heads=1)
    parameters = Model([("0", sequencer)], spec((9, 4), "float32")).initialise(1)
    stream = ZSpaceStream(sequencer, parameters, NumPyBackend(), path="0")
    row = np.ones((1, 4), np.float32)
    _, begun = stream.step(row, stream.init_state(1))

    first, _ = stream.step(row, begun)
    again, _ = stream.step(row, begun)

    np.testing.assert_array_equal(first, again)


def test_what_cannot_be_streamed_is_refused() -> None:
    sequencer = ZSpaceSequencer(heads=1)
    parameters = Model([("0", sequencer)], spec((9, 4), "float32")).initialise(1)
    both = ZSpaceSequencer(heads=1, causal=False)

    with pytest.raises(StreamError, match="causal = false"):
        ZSpaceStream(both, parameters, NumPyBackend(), path="0")
    with pytest.raises(StreamError, match=r"no parameter 1\.gain"):
        ZSpaceStream(sequencer, parameters, NumPyBackend(), path="1")
    with pytest.raises(StreamError, match=r"0\.input_weight has to be of shape \(4, 21\)"):
        ZSpaceStream(ZSpaceSequencer(heads=1, bands=3), parameters, NumPyBackend(), path="0")
    stream = ZSpaceStream(sequencer, parameters, NumPyBackend(), path="0")
    with pytest.raises(StreamError, match=r"\(2, 4\)"):
        stream.step(np.ones((2, 4), np.float32), stream.init_state(1))
