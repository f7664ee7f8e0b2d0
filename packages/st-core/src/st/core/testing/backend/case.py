"""One call with what it has to give, how it is run, and how its operands lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import (
    DTYPES,
    SIGNATURES,
    Backend,
    Call,
    Const,
    Plan,
    Role,
    Storage,
    View,
    check_call,
    dense,
    spec,
)

Array = NDArray[Any]
Given = Array | Const

GUARD = 3
"""Elements before and after an output that nobody may touch; also takes away its alignment."""

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Case:
    """One call with what it has to give; `error` is the largest absolute error of each element."""

    id: str
    op: str
    inputs: tuple[Given, ...]
    expected: Array
    error: Array | float = 0.0
    attrs: tuple[tuple[str, Any], ...] = ()

    @property
    def dtype(self) -> str:
        """Element type of the values the operator works on."""
        x = self.inputs[0 if self.op == "take" else -1]
        return x.spec.dtype if isinstance(x, Const) else str(x.dtype)


def place(array: Array, role: Role = "input") -> tuple[View, bytes]:
    """Return the view of an array, with its strides, and the bytes of the storage it lies in."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    size = array.itemsize
    offset = (_address(array) - _address(root)) // size if array.size else 0
    strides = tuple(stride // size for stride in array.strides)
    storage = Storage(root.nbytes, role)
    return View(storage, spec(array.shape, str(array.dtype)), strides, offset), root.tobytes()


def run(backend: Backend, case: Case, how: str) -> Array:
    """Return what `backend` gives for a case, launched ("eager") or bound ("plan").

    Raises:
        AssertionError: Something beside the output was written.
    """
    memory: dict[Storage, Any] = {}
    inputs: list[View | Const] = []
    for given in case.inputs:
        if isinstance(given, Const):
            inputs.append(given)
            continue
        view, data = place(given)
        memory[view.storage] = backend.alloc(len(data))
        backend.write(memory[view.storage], memoryview(data))
        inputs.append(view)
    of = spec(case.expected.shape, str(case.expected.dtype))
    n_bytes = (of.size + 2 * GUARD) * DTYPES[of.dtype]
    goal = Storage(n_bytes, "output")
    memory[goal] = backend.alloc(n_bytes)
    backend.write(memory[goal], memoryview(b"\x01" * n_bytes))
    output = dense(goal, of, GUARD)
    call = Call(case.op, tuple(inputs), (output,), case.attrs, "suite")
    if call.op in SIGNATURES:  # plugins add operators of their own
        assert check_call(call) is None
    assert backend.supports(call)
    if how == "eager":
        backend.launch(call, memory)
    else:
        backend.bind(Plan((call,), (output,)), memory).run()
    got = bytearray(n_bytes)
    backend.read(memory[goal], memoryview(got))
    edge = GUARD * DTYPES[of.dtype]
    assert got[:edge] == got[len(got) - edge :] == b"\x01" * edge, "wrote beside its output"
    return np.frombuffer(got[edge : len(got) - edge], of.dtype).reshape(of.shape)


def check(got: Array, case: Case) -> None:
    """Compare a result; NaN equals NaN, infinities have to be the same."""
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, case.expected)
        return
    finite = np.isfinite(case.expected)
    np.testing.assert_array_equal(got[~finite], case.expected[~finite])
    error = np.broadcast_to(np.asarray(case.error, np.float64), got.shape)[finite]
    difference = np.abs(got[finite].astype(np.float64) - case.expected[finite])
    assert (difference <= error).all(), f"off by {(difference - error).max():.3g} more than allowed"


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def values(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    """Return values of both signs (unsigned: large ones too), dense."""
    generator = np.random.default_rng([seed, *shape, 7])
    if dtype == "bool":
        return generator.random(shape) < 0.5
    if dtype.startswith("float"):
        return generator.normal(0.0, 2.0, shape).astype(dtype)
    low = 0 if dtype.startswith("u") else -50
    return generator.integers(low, 50, shape, dtype)


def layouts(shape: tuple[int, int], dtype: str, seed: int = 0) -> dict[str, Array]:
    """Return arrays of one shape that lie in memory in different ways."""
    rows, columns = shape
    return {
        "dense": values(shape, dtype, seed),
        "transposed": values((columns, rows), dtype, seed).T,
        "sliced": values((2 * rows + 1, columns + 3), dtype, seed)[1::2, 2 : columns + 2],
        "row": np.broadcast_to(values((columns,), dtype, seed), shape),
        "column": np.broadcast_to(values((rows, 1), dtype, seed), shape),
        "scalar": np.broadcast_to(values((), dtype, seed), shape),
    }


SHAPES: tuple[tuple[int, ...], ...] = (
    (), (1,), (0,), (7,), (3, 0, 2), (3, 5), (2, 3, 4), (1, 1, 5, 1), (1031,), (100_003,),
)  # fmt: skip


def constant(value: float | int | bool, dtype: str) -> Const:
    """Return a constant operand."""
    return Const(value, spec((), dtype))
