"""The whole sequencer: numbers of an independent reference, exact gradients, nothing from ahead."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import spec
from st.nn import ops
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import Flatten, Linear
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import Adam
from st.nn.predictor import Predictor
from st.nn.step import TrainingStep
from st.nn.tape import ShapeError, Tape, Tensor, gradients
from st.nn.testing import gradcheck
from st.nn.zspace_coherence import ZSpaceSequencer
from st.nn.zspace_coherence.layer import Layer, declaration

Array = NDArray[np.float64]
STORED = np.load(Path(__file__).with_name("zspace_vectors.npz"))
PLAIN = ZSpaceSequencer(heads=2, bands=3, taps=5, chunk=8, resonators=0)
SMALL = {
    "plain": ZSpaceSequencer(heads=2, bands=1, taps=3, resonators=0, chunk=8),
    "resonators": ZSpaceSequencer(heads=1, bands=2, taps=4, resonators=2, chunk=8),
    "both ways": ZSpaceSequencer(heads=2, bands=2, taps=3, resonators=1, causal=False, chunk=8),
    "fixed curvature": ZSpaceSequencer(heads=2, bands=1, resonators=0, learn_curvature=False),
    "flat": ZSpaceSequencer(heads=2, bands=1, resonators=0, curvature=0.0),
}
each_small = pytest.mark.parametrize("sequencer", SMALL.values(), ids=SMALL)


def begun(sequencer: ZSpaceSequencer, width: int) -> dict[str, Array]:
    """Return parameters that are all moved away from where they start."""
    rng = np.random.default_rng(4)
    made = {}
    for name, (shape, start) in declaration(sequencer, width).items():
        made[name] = start(rng, shape) + 0.1 * rng.normal(size=shape)
    return made


def told(sequencer: ZSpaceSequencer, parameters: dict[str, Array], x: Array) -> Array:
    tape = Tape(NumPyBackend())
    given = {name: tape.input(value) for name, value in parameters.items()}
    return Layer(sequencer, given).read(tape.input(x)).output.numpy()


def test_output_and_gradients_are_those_of_the_reference() -> None:
    tape = Tape(NumPyBackend())
    x = tape.input(STORED["x"])
    given = {name: tape.input(STORED[f"value.{name}"]) for name in declaration(PLAIN, 16)}

    y = Layer(PLAIN, given).read(x).output
    found = gradients(ops.sum(y * tape.input(STORED["dy"])), [x, *given.values()])

    np.testing.assert_allclose(y.numpy(), STORED["y"], rtol=0, atol=1e-10)
    expected = [STORED["dx"], *(STORED[f"gradient.{name}"] for name in given)]
    for gradient, wanted in zip(found, expected, strict=True):
        assert gradient is not None
        np.testing.assert_allclose(gradient.numpy(), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["resonators", "both ways"])
def test_gradients_along_random_directions_are_exact(name: str) -> None:
    sequencer, rng = SMALL[name], np.random.default_rng(2)
    values = {"x": rng.normal(size=(1, 10, 4)), **begun(sequencer, 4)}
    moves = {name: rng.normal(size=value.shape) for name, value in values.items()}

    def moved(*far: Tensor) -> Tensor:
        tape = far[0].tape
        given = {
            name: tape.input(value) + tape.input(moves[name]) * distance
            for (name, value), distance in zip(values.items(), far, strict=True)
        }
        x = given.pop("x")
        return Layer(sequencer, given).read(x).output

    assert gradcheck(moved, *(np.zeros(()) for _ in values)) <= 1e-6


@each_small
def test_output_is_the_definition_summed_term_by_term(sequencer: ZSpaceSequencer) -> None:
    rng = np.random.default_rng(3)
    parameters, x = begun(sequencer, 8), rng.normal(size=(2, 21, 8))

    found = told(sequencer, parameters, x)

    np.testing.assert_allclose(found, defined(sequencer, parameters, x), atol=1e-10)


def defined(s: ZSpaceSequencer, p: dict[str, Array], x: Array) -> Array:
    """Return what a sequencer gives, in complex numbers and without chunks, in (rows)² steps."""
    n, rows, d = x.shape
    each, k, t = d // s.heads, np.arange(s.n_taps), np.arange(rows)
    fractional = [
        [np.prod((np.arange(1, m + 1) - 1 - a) / np.arange(1, m + 1)) for m in k]
        for a in p["orders"]
    ]
    if s.resonators:
        z = np.exp(np.outer(1j * p["resonator_turn"] - np.exp(-p["resonator_life"]), k))
        fractional += [*z.real, *z.imag]
    taps = p["mixture"] @ np.array(fractional)
    u = np.zeros_like(x)
    for m in k[: min(len(k), rows)]:
        u[:, m:] += taps[:, m] * x[:, : rows - m]
    entering = u @ p["input_weight"] + p["input_bias"]
    n_pulses = 2 * s.heads * s.bands
    edges = [n_pulses, 2 * n_pulses, 2 * n_pulses + d, 2 * n_pulses + 2 * d]
    probes, pulses, given, gate, decay = np.split(entering, edges, -1)

    def turned(a: Array) -> NDArray[np.complex128]:
        parts = a.reshape(n, rows, s.heads, s.bands, 2)
        return (parts[..., 0] + 1j * parts[..., 1]) * np.exp(1j * t[:, None, None] * p["carrier"])

    q, key = turned(probes), turned(pulses)
    size_q, size_k = np.sqrt(np.abs(q) ** 2 + 1e-6), np.sqrt(np.abs(key) ** 2 + 1e-6)
    ways = decay.reshape(n, rows, s.n_directions, s.heads) + p["decay_bias"]
    log_decay = -s.steepest_decay / (1 + np.exp(-ways))
    raw = p.get("curvature", np.full(s.heads, np.log(np.expm1(s.curvature or 1.0))))
    told = np.zeros((n, rows, s.heads, each))
    for h in range(s.heads):
        c = np.logaddexp(0, raw[h])
        v = given.reshape(n, rows, s.heads, each)[:, :, h] * each**-0.5
        v = v * s.radius / np.sqrt(s.radius**2 + (v * v).sum(-1, keepdims=True))
        r = np.sqrt(c * (v * v).sum(-1, keepdims=True))
        gamma, place = np.cosh(r), v * np.tanh(r) / r
        for now in t:
            over, under = 0.0, np.logaddexp(0, p["prior"][h])
            for then in range(now + 1 if s.causal else rows):
                way, first, last = (0, then, now) if then <= now else (1, now - 1, then - 1)
                faded = np.exp(log_decay[:, first + 1 : last + 1, way, h].sum(-1))
                met = (q[:, now, h] * key[:, then, h].conj()).real
                close = 0.5 * (size_q[:, now, h] * size_k[:, then, h] + met).sum(-1)
                weight = (faded * close)[:, None] * gamma[:, then]
                over, under = over + weight * place[:, then], under + weight
            m = over / under
            length = np.sqrt(c * (m * m).sum(-1, keepdims=True))
            told[:, now, h] = m * np.arctanh(length) / length * each**0.5
    merged = told.reshape(n, rows, d) * p["gain"] * gate / (1 + np.exp(-gate))
    made: Array = merged @ p["output_weight"]
    return made


def test_rows_ahead_change_nothing_at_all() -> None:
    sequencer = ZSpaceSequencer(heads=2, chunk=8)
    model = Model([("0", sequencer)], spec((40, 16), "float32"))
    predict = Predictor(model, model.initialise(1), NumPyBackend())
    x = np.random.default_rng(0).normal(size=(2, 40, 16)).astype(np.float32)
    other = x.copy()
    other[:, 19:] += 1

    np.testing.assert_array_equal(predict(other)[:, :19], predict(x)[:, :19])
    assert (predict(other)[:, 19:] != predict(x)[:, 19:]).any()


def test_result_does_not_depend_on_the_chunk() -> None:
    x = np.random.default_rng(0).normal(size=(1, 40, 8))
    made = []
    for chunk in (8, 13, 256):
        sequencer = ZSpaceSequencer(heads=2, chunk=chunk, resonators=0)
        parameters = begun(ZSpaceSequencer(heads=2, chunk=8, resonators=0), 8)
        # The same decay: what one row may forget at most depends on the chunk.
        parameters["decay_bias"] = np.full((1, 2), -50.0)
        made.append(told(sequencer, parameters, x))

    np.testing.assert_allclose(made[1], made[0], atol=1e-12)
    np.testing.assert_allclose(made[2], made[0], atol=1e-12)


def test_steepest_decay_and_huge_inputs_stay_finite_in_float32() -> None:
    sequencer = ZSpaceSequencer(heads=2, bands=4)
    parameters = {k: v.astype(np.float32) for k, v in begun(sequencer, 32).items()}
    parameters["decay_bias"][:] = 50
    tape = Tape(NumPyBackend())
    x = tape.input(1e3 * np.random.default_rng(0).normal(size=(1, 200, 32)).astype(np.float32))
    given = {name: tape.input(value) for name, value in parameters.items()}

    y = Layer(sequencer, given).read(x).output

    assert np.isfinite(y.numpy()).all()
    for gradient in gradients(ops.sum(y), [x, *given.values()]):
        assert gradient is not None
        assert np.isfinite(gradient.numpy()).all()


def test_plan_of_a_training_step_equals_eager() -> None:
    modules = [("0", ZSpaceSequencer(heads=2, chunk=8)), ("1", Flatten())]
    model = Model([*modules, ("2", Linear(out_features=3))], spec((20, 8), "float32"))
    step = TrainingStep(model, CrossEntropy(), Adam(), NumPyBackend(), 2, model.initialise(0))
    x = np.random.default_rng(1).normal(size=(2, 20, 8)).astype(np.float32)

    assert step.check(x, np.array([0, 2])) < 1e-5


def test_shapes_of_a_million_rows_are_found_at_once() -> None:
    model = Model([("0", ZSpaceSequencer(heads=2))], spec((1_000_000, 4), "float32"))

    assert model.output.shape == (1_000_000, 4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"heads": 0}, "heads is 0; legal is 1 or more"),
        ({"taps": 0}, "taps is 0; legal is 1 or more"),
        ({"orders": (1.0,)}, r"orders is \(1.0,\); legal is finite, one of them 0"),
        ({"orders": (0.0, float("nan"))}, "orders is"),
        ({"curvature": -1.0}, "curvature is -1.0; legal is finite and 0 or more: give c"),
        ({"radius": 0.0}, "radius is 0.0; legal is finite and above 0"),
        ({"horizon": 1}, "horizon is 1; legal is 2 or more"),
        ({"chunk": 7}, "chunk is 7; legal is 8 to 256"),
        ({"resonator_init": -0.1}, "resonator_init is -0.1"),
    ],
    ids=str,
)
def test_fields_out_of_range_are_named_with_the_range(
    fields: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ZSpaceSequencer(**fields)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((5, 6), "4 heads do not divide a width of 6"), ((8,), "is not"), ((0, 8), "no row")],
    ids=str,
)
def test_what_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Model([("0", ZSpaceSequencer())], spec(shape, "float32"))
