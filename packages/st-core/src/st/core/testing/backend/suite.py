"""The suite itself: a class of tests for one backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import pytest

from st.core.backend import (
    DTYPES,
    Backend,
)
from st.core.errors import StError
from st.core.testing.backend.case import Case, check, run
from st.core.testing.backend.elementwise import elementwise_cases
from st.core.testing.backend.order import order_cases
from st.core.testing.backend.others import other_cases
from st.core.testing.backend.plans import PlanSuite
from st.core.testing.backend.words import word_cases


def kernel_cases(dtypes: Sequence[str] = tuple(DTYPES)) -> list[Case]:
    """Return every case whose operands have these element types."""
    return [
        *elementwise_cases(dtypes),
        *other_cases(dtypes),
        *order_cases(dtypes),
        *word_cases(dtypes),
    ]


def kernel_suite(
    make_backend: Callable[[], Backend], dtypes: Sequence[str] = tuple(DTYPES)
) -> type:
    """Return a class of tests; give it a name that begins with ``Test``.

    Args:
        make_backend: Called once.
        dtypes: Element types the device has; all, except on devices without float64.
    """

    class KernelSuite(case_suite(make_backend, kernel_cases(dtypes)), PlanSuite):  # type: ignore[misc]  # mypy knows no classes made by functions
        pass

    return KernelSuite


def case_suite(make_backend: Callable[[], Backend], cases: Sequence[Case]) -> type:
    """Return a class of tests for kernels that a plugin adds; its name begins with ``Test``.

    Args:
        make_backend: Called once; the kernels are there when the tests run.
        cases: Calls, and what they have to give.
    """
    made = cache(make_backend)
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(f"{case.op}-{case.dtype}", []).append(case)

    class CaseSuite:
        @pytest.fixture
        def backend(self) -> Backend:
            return made()

        @pytest.mark.parametrize("cases", groups.values(), ids=groups)
        def test_kernel_agrees_with_float64(self, backend: Backend, cases: list[Case]) -> None:
            faults = [fault for case in cases if (fault := _fault(backend, case))]

            assert not faults, "\n".join(faults)

        @pytest.mark.parametrize("cases", groups.values(), ids=groups)
        def test_bound_kernel_gives_the_same_bits(
            self, backend: Backend, cases: list[Case]
        ) -> None:
            for case in cases[:: max(1, len(cases) // 6)]:
                eager, bound = run(backend, case, "eager"), run(backend, case, "plan")

                assert eager.tobytes() == bound.tobytes(), case.id

    return CaseSuite


def _fault(backend: Backend, case: Case) -> str:
    """Return what is wrong with the result of a case, or ""."""
    try:
        check(run(backend, case, "eager"), case)
    except (AssertionError, StError) as error:
        return f"{case.id}: {error}"
    return ""
