"""Kernels that plugins add as one line of OpenCL C."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from st.core.backend import BackendError, kernels


@pytest.fixture
def added(request: pytest.FixtureRequest) -> Iterator[None]:
    with kernels.register("added", "OpenCL", request.param):
        yield


@pytest.mark.parametrize("added", ["x + sin(x * ATTR_a) * sin(x * ATTR_a) / ATTR_a"], indirect=True)
@pytest.mark.usefixtures("added")
def test_expression_runs_on_any_view_with_attributes(run: Any, numbers: Any) -> None:
    whole = numbers.standard_normal((40, 33)).astype("f4")

    for x in (whole, whole.T, whole[1::2, 3:9], np.broadcast_to(whole[:1], (5, 33)), whole[:0]):
        got = run("added", x, shape=x.shape, dtype="float32", a=2.5, name="snake")
        expected = x + np.sin(2.5 * x.astype("f8")) ** 2 / 2.5
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("added", ["x < y ? x * (v_TYPE)(3) : y - z"], indirect=True)
@pytest.mark.parametrize("dtype", ["int64", "uint32"])
@pytest.mark.usefixtures("added")
def test_expression_of_three_integers(run: Any, numbers: Any, dtype: str) -> None:
    x, y, z = (numbers.integers(0, 9, 50).astype(dtype) for _ in range(3))

    got = run("added", x, y, z, shape=(50,), dtype=dtype)

    np.testing.assert_array_equal(got, np.where(x < y, x * np.array(3, dtype), y - z))


@pytest.mark.parametrize("added", ["x + no_such_function(x)"], indirect=True)
@pytest.mark.usefixtures("added")
def test_expression_that_does_not_build_says_why(run: Any) -> None:
    with pytest.raises(BackendError, match=r"(?s)added.*no_such_function"):
        run("added", np.ones(3, "f4"), shape=(3,), dtype="float32")


@pytest.mark.parametrize("added", ["x"], indirect=True)
@pytest.mark.usefixtures("added")
def test_expression_of_four_inputs_is_refused(run: Any) -> None:
    x = np.ones(3, "f4")

    with pytest.raises(BackendError, match="one to 3 inputs, not 1 of 4: register a bind function"):
        run("added", x, x, x, x, shape=(3,), dtype="float32")


def test_kernel_taken_away_is_refused_again(run: Any) -> None:
    with kernels.register("added", "OpenCL", "x * x"):
        assert run("added", np.full(2, 3, "f4"), shape=(2,), dtype="float32").tolist() == [9, 9]

    with pytest.raises(BackendError, match="no kernel"):
        run("added", np.ones(2, "f4"), shape=(2,), dtype="float32")
