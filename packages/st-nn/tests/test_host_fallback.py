"""What a backend has no kernel for may run on the host, when asked to, and never in silence."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from st.core import Event
from st.core.backend import Call, Plan, UnsupportedOperatorError, kernels, spec
from st.nn import Adam, CrossEntropy, Linear, Model, Module, Scope, TrainingStep
from st.nn.host_fallback import HostFallback, RanOnHost
from st.nn.numpy_backend import NumPyBackend
from st.nn.ops.rules import FLOATS, same
from st.nn.tape import Operator, Tape, Tensor, apply, of_one, operators

X = np.linspace(-2.0, 2.0, 12).reshape(3, 4).astype(np.float32)
HOST = NumPyBackend()


class Device(NumPyBackend):
    """A backend for which nobody has a kernel for `sine`."""

    name = "Device"


class Sine(Module, frozen=True):
    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        return apply("sine", apply("sine", x) * 2.0)


def bind_sine(
    call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]
) -> Callable[[], object]:
    return partial(np.sin, inputs[0], outputs[0])


@pytest.fixture(autouse=True)
def sine() -> Iterator[None]:
    operator = Operator(
        "sine",
        same(FLOATS, 1),
        of_one(lambda at, dy: [dy * apply("sine", at.inputs[0] + np.pi / 2)]),
    )
    with kernels.register("sine", "NumPy", bind_sine):
        handle = operators.register(operator)
        yield
        handle.close()


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def backend(told: list[Event]) -> HostFallback:
    return HostFallback(Device(), HOST, told.append)


def test_without_it_the_operator_is_refused() -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"Device: .*sine"):
        apply("sine", Tape(Device()).input(X))


def test_eager_call_runs_on_the_host_and_is_told(backend: HostFallback, told: list[Event]) -> None:
    tape = Tape(backend)

    with tape.at("net.1"):
        y = apply("sine", tape.input(X).T * 2.0)

    np.testing.assert_allclose(y.numpy(), np.sin(2 * X.T), rtol=1e-6)
    assert told == [RanOnHost("sine", "Device", "NumPy", "net.1")]


def test_result_written_into_a_part_leaves_the_rest(backend: HostFallback) -> None:
    tape = Tape(backend)
    whole = tape.input(X)

    tape.emit("sine", (whole[0],), out=(whole[1],))

    expected = X.copy()
    expected[1] = np.sin(X[0])
    np.testing.assert_allclose(whole.numpy(), expected, rtol=1e-6)


def test_plan_runs_on_both_and_equals_eager(backend: HostFallback, told: list[Event]) -> None:
    modules = [("0", Linear(out_features=8)), ("1", Sine()), ("2", Linear(out_features=2))]
    model = Model(modules, spec((4,), "float32"))
    labels = np.array([0, 1, 1])
    step, alone = (
        TrainingStep(model, CrossEntropy(), Adam(lr=0.02), runs_on, 3, model.initialise(1))
        for runs_on in (backend, HOST)
    )
    assert {event.where for event in told if isinstance(event, RanOnHost)} == {"1", "1:vjp"}

    assert step.check(X, labels) == 0.0
    for _ in range(5):
        step.run(X, labels)
        alone.run(X, labels)

    assert step.read_loss() == alone.read_loss()


def test_each_call_of_a_plan_belongs_to_one_launch(backend: HostFallback) -> None:
    recording = Tape(supports=backend.supports)
    x = recording.new(spec((3, 4), "float32"), role="input")
    apply("sine", apply("sine", x * 2.0) + 1.0)

    bound = backend.bind(
        Plan(tuple(recording.calls), ()), {x.view.storage: backend.alloc(x.spec.nbytes)}
    )
    told: list[int] = []
    bound.run(lambda n, start_ns, end_ns: told.append(n))

    assert bound.launches == ((0,), (1,), (2,), (3,))
    assert told == [0, 1, 2, 3]


def test_what_can_be_decomposed_never_goes_to_the_host(
    backend: HostFallback, told: list[Event]
) -> None:
    handle = operators.register(
        Operator("twice", same(FLOATS, 1), decompose=lambda x, attrs: [x[0] + x[0]])
    )
    try:
        with kernels.register("twice", "NumPy", bind_sine):
            y = apply("twice", Tape(backend).input(X))

        np.testing.assert_array_equal(y.numpy(), X + X)
        assert not told
    finally:
        handle.close()
