"""Elementwise kernels against NumPy, float functions against float64."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st.core.backend import BackendError

# Largest errors in units of the last place, measured over 4 million points each, rounded up.
# tanh near zero is a polynomial in float32, the device's own in float64.
FUNCTIONS = {"exp": 1.0, "log": 1.0, "sqrt": 1.0, "tanh": 2.0}


def sample(numbers: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Return numbers of either sign where the dtype has one, none of them zero."""
    made = numbers.uniform(1, 100, shape)
    if not dtype.startswith("u"):
        made = made * numbers.choice([-1, 1], shape)
    return np.asarray(made).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", FUNCTIONS)
def test_function_errs_by_few_units_in_the_last_place(run: Any, op: str, dtype: str) -> None:
    tiny = np.finfo(dtype).tiny
    top = 80.0 if op == "exp" else 1e30
    x = np.geomspace(tiny, top, 20_001).astype(dtype)
    x = np.concatenate([-x, x]) if op in ("exp", "tanh") else x

    got = run(op, x, shape=x.shape, dtype=dtype)

    exact = getattr(np, op)(x.astype(np.longdouble))
    place = np.spacing(np.abs(exact.astype(dtype))).astype(np.longdouble)
    assert np.max(np.abs(got - exact) / place) <= FUNCTIONS[op]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:divide by zero|invalid value|overflow:RuntimeWarning")
def test_function_of_special_values_equals_numpy(run: Any, op: str, dtype: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -1.0, 1000.0, -1000.0], dtype)

    got = run(op, x, shape=x.shape, dtype=dtype)

    expected = getattr(np, op)(x)
    finite = np.isfinite(expected)
    assert np.array_equal(got[~finite], expected[~finite], equal_nan=True)
    assert np.allclose(got[finite], expected[finite], rtol=1e-6)


def test_exp_and_log_meet_denormal_numbers(run: Any) -> None:
    x = np.array([-90.0, -100.0, -103.0], np.float32)

    small = run("exp", x, shape=x.shape, dtype="float32")
    back = run("log", small, shape=x.shape, dtype="float32")

    assert np.allclose(small, np.exp(x.astype(np.float64)), rtol=0.5, atol=0)
    assert np.allclose(back, np.log(small.astype(np.float64)), rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_copy_makes_any_view_dense(run: Any, data: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    whole = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    slices = [
        slice(data.draw(st.integers(0, n - 1)), None, data.draw(st.sampled_from([1, 2, -1])))
        for n in shape
    ]
    view = whole[tuple(slices)].transpose(data.draw(st.permutations(range(len(shape)))))
    view = np.broadcast_to(view, (data.draw(st.integers(1, 3)), *view.shape))

    assert np.array_equal(run("copy", view, shape=view.shape, dtype="float32"), view)


def test_inputs_are_broadcast_by_strides_of_zero(run: Any, numbers: Any) -> None:
    x, row, column = (sample(numbers, s, "float32") for s in [(33, 70), (70,), (33, 1)])

    by_row = run("add", x, np.broadcast_to(row, x.shape), shape=x.shape, dtype="float32")
    by_column = run("add", x, np.broadcast_to(column, x.shape), shape=x.shape, dtype="float32")

    assert np.array_equal(by_row, x + row)
    assert np.array_equal(by_column, x + column)


@pytest.mark.parametrize(("op", "dtype"), [("exp", "int32"), ("div", "int64"), ("add", "bool")])
def test_dtype_an_operator_does_not_take_is_named(run: Any, op: str, dtype: str) -> None:
    x = np.zeros(3, dtype)

    with pytest.raises(BackendError, match=f"got {dtype}: cast first"):
        run(op, *(x,) * (1 if op == "exp" else 2), shape=(3,), dtype=dtype)


def test_float64_on_a_device_without_it_is_refused(device: Any, run: Any) -> None:
    from dataclasses import replace

    from st.backend.opencl import OpenCLBackend

    poor = type(run)(OpenCLBackend(replace(device, has_float64=False)))

    with pytest.raises(BackendError, match="has no float64: cast to float32 first"):
        poor("neg", np.zeros(3), shape=(3,), dtype="float64")


def test_too_many_axes_that_do_not_merge_are_refused(run: Any) -> None:
    view = np.zeros((4,) * 9, np.float32)[(slice(None, None, 3),) * 9]

    with pytest.raises(BackendError, match="9 axes that cannot be merged"):
        run("copy", view, shape=view.shape, dtype="float32")
