"""Coherence: never negative, positive semidefinite, and a matter of the time between alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import Tape
from st.nn.zspace_coherence.pulses import carriers, features, turned_back

Array = NDArray[np.float64]
LAW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def featured(pulses: Array, omega: Array, first: int = 0) -> Array:
    tape = Tape(NumPyBackend())
    carrier = carriers(tape.input(omega), pulses.shape[2], first)
    return features(tape.input(pulses), carrier).numpy()


def drawn(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(1, 2, 9, 3, 2)), rng.uniform(0, 3, (2, 3))


@LAW
@given(SEEDS)
def test_coherence_is_never_negative_and_positive_semidefinite(seed: int) -> None:
    made = featured(*drawn(seed))[0]

    coherence = made @ made.swapaxes(-1, -2)
    assert coherence.min() >= 0
    assert np.linalg.eigvalsh(coherence).min() >= -1e-12 * coherence.max()


@LAW
@given(SEEDS)
def test_coherence_is_the_cosine_of_what_is_between_the_phases(seed: int) -> None:
    pulses, omega = drawn(seed)
    made = featured(pulses, omega)[0, 0]

    z = pulses[0, 0, ..., 0] + 1j * pulses[0, 0, ..., 1]
    t = np.arange(9)
    between = np.exp(1j * omega[0] * (t[:, None, None] - t[None, :, None]))
    size = np.sqrt(np.abs(z) ** 2 + 1e-6)
    expected = size[:, None] * size + (z[:, None] * z.conj() * between).real
    np.testing.assert_allclose(made @ made.T, 0.5 * expected.sum(-1), atol=1e-12)


@LAW
@given(SEEDS, st.integers(1, 1000))
def test_beginning_later_changes_nothing(seed: int, first: int) -> None:
    pulses, omega = drawn(seed)
    now, later = featured(pulses, omega)[0], featured(pulses, omega, first)[0]

    expected = now @ now.swapaxes(-1, -2)
    np.testing.assert_allclose(later @ later.swapaxes(-1, -2), expected, atol=1e-10)


@LAW
@given(SEEDS)
def test_sums_turned_back_meet_probes_whose_time_begins_anew(seed: int) -> None:
    pulses, omega = drawn(seed)
    tape = Tape(NumPyBackend())
    made = featured(pulses, omega)
    sums = made[:, :, :5].swapaxes(-1, -2) @ np.ones((1, 2, 5, 4))

    turned = turned_back(tape.input(sums), tape.input(omega), 5).numpy()

    probes = featured(pulses[:, :, 5:], omega)
    np.testing.assert_allclose(probes @ turned, made[:, :, 5:] @ sums, atol=1e-12)
