"""What operators have to do on every backend, as tests: one line in a backend's own test file.

    from st.nn.testing.suite import operator_suite

    TestOperators = operator_suite(MyBackend)

Every operator of `st.nn.ops` is compared with NumPy, its gradient with finite differences of
float64, and a recorded plan with eager calls; each with the backend's own kernels, and once more
with nothing but the required ones, which checks the decompositions. Needs pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import Backend, Plan
from st.nn.plan import finish
from st.nn.tape import Tape, Tensor, gradients, operators
from st.nn.testing.case import OperatorCase
from st.nn.testing.cases import operator_cases
from st.nn.testing.edge_cases import EdgeCase, difference, edge_cases
from st.nn.testing.gradient import differences, relative_difference, weights
from st.nn.testing.required import RequiredOnly

PRECISION = {"float32": 2e-5, "float64": 1e-12}
"""Largest error of a result, relative to its largest element. Results sum up to a thousand values
of one size: 1000 roundings of 2 to the -24 are 6e-5 at worst, and a third of that at most."""
GRADIENT_PRECISION = {"float32": 2e-4, "float64": 1e-6}
"""The same of a gradient; what finite differences of float64 resolve."""

CASES = operator_cases()


def operator_suite(make_backend: Callable[[], Backend], dtype: str = "float64") -> type:
    """Return a class of tests; give it a name that begins with ``Test``.

    Args:
        make_backend: Called once.
        dtype: The floating type that is tried, "float64" or "float32".
    """
    edges = edge_cases(dtype)

    class OperatorSuite(case_suite(make_backend, CASES, dtype)):  # type: ignore[misc]  # mypy knows no classes made by functions
        @pytest.mark.parametrize("case", edges, ids=[case.id for case in edges])
        def test_edges_agree_with_numpy(self, backend: Backend, case: EdgeCase) -> None:
            tape = Tape(backend)
            with np.errstate(all="ignore"):
                expected = np.asarray(case.oracle(*case.inputs))

            result = case.function(*map(tape.input, case.inputs)).numpy()

            assert difference(result, expected) <= PRECISION[dtype]

        @pytest.mark.parametrize("name", operators.names())
        def test_every_operator_has_a_case(self, name: str) -> None:
            assert name in _applied_somewhere()

    return OperatorSuite


def case_suite(
    make_backend: Callable[[], Backend], cases: Sequence[OperatorCase], dtype: str = "float64"
) -> type:
    """Return a class of tests for operators that a plugin adds; its name begins with ``Test``.

    Args:
        make_backend: Called once; the operators are there when the tests run.
        cases: Functions of tensors, and the same in NumPy.
        dtype: The floating type that is tried, "float64" or "float32".
    """
    made = cache(make_backend)
    every_case = pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])

    class CaseSuite:
        @pytest.fixture(params=["own-kernels", "required-kernels"])
        def backend(self, request: pytest.FixtureRequest) -> Backend:
            return made() if request.param == "own-kernels" else RequiredOnly(made())

        @every_case
        def test_result_agrees_with_numpy(self, backend: Backend, case: OperatorCase) -> None:
            result, expected = _applied(backend, case, dtype).numpy(), case.oracle(*case.inputs)

            assert result.shape == expected.shape
            assert relative_difference(result, expected) <= PRECISION[dtype]

        @every_case
        def test_result_does_not_depend_on_layout(
            self, backend: Backend, case: OperatorCase
        ) -> None:
            tape = Tape(backend)
            inputs = [_scattered(tape, x.astype(dtype)) for x in case.inputs]

            result, expected = case.function(*inputs).numpy(), case.oracle(*case.inputs)

            assert relative_difference(result, expected) <= PRECISION[dtype]

        @every_case
        def test_gradient_agrees_with_differences(
            self, backend: Backend, case: OperatorCase
        ) -> None:
            expected = _differences(case)

            found = _gradients(backend, case, dtype)

            for ours, theirs in zip(found, expected, strict=True):
                assert relative_difference(ours, theirs) <= GRADIENT_PRECISION[dtype]

        @every_case
        def test_recorded_calls_give_the_same_bits(
            self, backend: Backend, case: OperatorCase
        ) -> None:
            tape = Tape(backend)
            inputs = [tape.input(x.astype(dtype)) for x in case.inputs]
            eager = case.function(*inputs)
            storages = {x.view.storage: tape.memory[x.view.storage] for x in inputs}
            recording = Tape(supports=backend.supports)
            result = case.function(*(recording.tensor(x.view) for x in inputs))
            goal = recording.new(result.spec, role="output")
            recording.emit("copy", (result,), out=(goal,))
            plan, _ = finish(recording.calls)

            got = _run(backend, recording, plan, goal, storages)

            assert got.tobytes() == eager.numpy().tobytes()

    return CaseSuite


def _applied(backend: Backend, case: OperatorCase, dtype: str) -> Tensor:
    tape = Tape(backend)
    return case.function(*(tape.input(x.astype(dtype)) for x in case.inputs))


def _scattered(tape: Tape, x: NDArray[Any]) -> Tensor:
    """Return `x` with its axes in reverse order in memory, and a stranger behind each value."""
    wide = np.full((*x.T.shape, 2), 77.0, x.dtype)
    wide[..., 0] = x.T
    return tape.input(wide)[..., 0].transpose()


@cache
def _differences(case: OperatorCase) -> list[NDArray[Any]]:
    return differences(lambda *x: _weighed(case.oracle(*x)), *case.inputs)


def _weighed(result: NDArray[Any]) -> float:
    return float((result * weights(result.shape)).sum())


def _gradients(backend: Backend, case: OperatorCase, dtype: str) -> list[NDArray[Any]]:
    tape = Tape(backend)
    inputs = [tape.input(x.astype(dtype)) for x in case.inputs]
    made = case.function(*inputs)
    seed = tape.input(weights(made.shape).astype(dtype))
    found = gradients(made, inputs, seed)
    return [
        np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(found, inputs, strict=True)
    ]


def _run(
    backend: Backend, tape: Tape, plan: Plan, goal: Tensor, memory: dict[Any, Any]
) -> NDArray[Any]:
    for storage, values in tape.constants.items():
        memory[storage] = backend.alloc(storage.nbytes)
        backend.write(memory[storage], memoryview(values.tobytes()))
    storage = goal.view.storage
    memory[storage] = backend.alloc(storage.nbytes)
    backend.bind(plan, memory).run()
    data = bytearray(storage.nbytes)
    backend.read(memory[storage], memoryview(data))
    return np.frombuffer(data, goal.dtype).reshape(goal.shape)


@cache
def _applied_somewhere() -> frozenset[str]:
    names: set[str] = set()
    for case in CASES:
        tape = Tape()
        inputs = [tape.constant(x) for x in case.inputs]
        gradients(
            case.function(*inputs), inputs, tape.constant(weights(case.oracle(*case.inputs).shape))
        )
        names.update(at.name for at in tape.applied)
        names.update(call.op for call in tape.calls)
    return frozenset(names)
