"""The backend object: memory of the host, and a bind function for every required operator.

The standard (https://data-apis.org/array-api) has no strides and no `out=`, and both are what a
plan is made of. So memory is NumPy's, the library sees it through DLPack without a copy, and each
result is copied to where the plan wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from st.core.backend import DTYPES, Binder, Call, Const, Launch, OperationTopic, TableBackend, View

Array = NDArray[Any]

RELATIONS = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}


class ArrayBackend(TableBackend):
    """Computes with the array library `xp`.

    Args:
        xp: The module of the library, for example `array_api_strict`.
        topic: Where eager launches are told, see `st.core.backend.Backend`.
    """

    name = "ArrayAPI"
    kind: Literal["cpu", "gpu"] = "cpu"

    def __init__(self, xp: ModuleType, topic: OperationTopic | None = None) -> None:
        super().__init__(topic)
        self.xp = xp
        self.description = f"array API, {xp.__name__}"
        self.binders: Mapping[str, Binder] = {
            "neg": self.bound(xp.negative),
            "exp": self.bound(xp.exp),
            "log": self.bound(xp.log),
            "sqrt": self.bound(xp.sqrt),
            "tanh": self.bound(xp.tanh),
            "add": self.bound(xp.add),
            "sub": self.bound(xp.subtract),
            "mul": self.bound(xp.multiply),
            "div": self.bound(xp.divide),
            "maximum": self.bound(xp.maximum),
            "where": self.bound(xp.where),
            "copy": self.bound(lambda x: x),
            "matmul": self.bound(xp.matmul),
            "compare": self.compare,
            "cast": self.cast,
            "sum": self.sum,
            "max": self.max,
            "argmax": self.argmax,
            "argsort": self.argsort,
            "take": self.take,
            "scatter_add": scatter_add,
            "philox": philox,
        }

    # -- memory -----------------------------------------------------------------------------

    def alloc(self, nbytes: int) -> Array:
        """See `Backend.alloc`."""
        raw = np.empty(nbytes + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + nbytes]

    def write(self, buffer: Array, data: memoryview, offset: int = 0) -> None:
        """See `Backend.write`."""
        if data.nbytes:
            buffer[offset : offset + data.nbytes] = data.cast("B")

    def read(self, buffer: Array, out: memoryview, offset: int = 0) -> None:
        """See `Backend.read`."""
        if out.nbytes:
            out.cast("B")[:] = buffer[offset : offset + out.nbytes].data

    def sync(self) -> None:
        """Do nothing: every call has run when it returns."""

    def operand(self, buffer: Array, view: View) -> Array:
        """Return `view` of `buffer` as an array of NumPy that shares its memory."""
        of, size = view.spec, DTYPES[view.spec.dtype]
        if not of.size:
            return np.empty(of.shape, of.dtype)
        strides = tuple(stride * size for stride in view.strides)
        return np.ndarray(of.shape, of.dtype, buffer, view.offset * size, strides)

    # -- operators --------------------------------------------------------------------------

    def bound(self, function: Callable[..., Any]) -> Binder:
        """Return the bind function of a function of arrays."""

        def bind(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
            return self.into(outputs[0], function, *inputs)

        return bind

    def into(self, out: Array, function: Callable[..., Any], *inputs: Array | Const) -> Launch:
        """Return a launch that computes `function` of `inputs` and copies the result to `out`."""
        given = [self.shared(x) for x in inputs]

        def launch() -> None:
            with np.errstate(all="ignore"):  # the library may be one over NumPy
                np.copyto(out, np.from_dlpack(function(*given)))

        return launch

    def shared(self, x: Array | Const) -> Any:
        """Return an operand as an array of the library; it shares the memory of a view."""
        if isinstance(x, Const):
            return self.xp.asarray(x.value, dtype=getattr(self.xp, x.spec.dtype))
        return self.xp.from_dlpack(x)

    def compare(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind a relation."""
        relation = getattr(self.xp, RELATIONS[call.attr("relation")])
        return self.into(outputs[0], lambda *xs: relation(*map(self.ordered, xs)), *inputs)

    def cast(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind a conversion to the type of the output."""
        dtype = getattr(self.xp, call.outputs[0].spec.dtype)
        return self.into(outputs[0], lambda x: self.xp.astype(x, dtype), *inputs)

    def sum(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind a sum; the element type stays, so that integers wrap around in their own."""
        axes = call.attr("axes")
        return self.into(outputs[0], lambda x: self.xp.sum(x, axis=axes, dtype=x.dtype), *inputs)

    def max(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind a largest."""
        axes = call.attr("axes")
        return self.into(outputs[0], lambda x: self.xp.max(x, axis=axes), *inputs)

    def argmax(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind the index of the first largest."""
        axis = call.attr("axis")
        return self.into(outputs[0], lambda x: self.xp.argmax(x, axis=axis), *inputs)

    def argsort(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind a sort of indices; equal elements keep their order."""
        axis, sort = call.attr("axis"), self.xp.argsort
        return self.into(
            outputs[0], lambda x: sort(self.ordered(x), axis=axis, stable=True), *inputs
        )

    def ordered(self, x: Any) -> Any:
        """Return `x`, truth values as numbers: the standard gives those no order."""
        return self.xp.astype(x, self.xp.uint8) if x.dtype == self.xp.bool else x

    def take(self, call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
        """Bind rows at indices; these are clamped, since the standard leaves others undefined."""
        table, indices = inputs
        rows = np.empty(indices.size, np.int64)
        picked = self.into(
            outputs[0].reshape(-1, *table.shape[1:]) if outputs[0].size else outputs[0],
            lambda x, at: self.xp.take(x, at, axis=0),
            table,
            rows,
        )

        def launch() -> None:
            rows[:] = clamped(indices, len(table)).reshape(-1)
            picked()

        return launch


def scatter_add(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the sum of rows at indices with NumPy: the standard has nothing that scatters."""
    (indices, updates), (out,) = inputs, outputs

    def launch() -> None:
        out.fill(0)
        np.add.at(out, clamped(indices, len(out)), updates)

    return launch


def philox(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind random words with NumPy's generator, which counts up before it draws."""
    (seed_and_step,), (out,), stream = inputs, outputs, call.attr("stream")

    def launch() -> None:
        seed, step = map(int, seed_and_step)
        counter = (step << 128) - 1
        words = np.random.Philox(key=[seed, stream], counter=counter % 2**256)
        out[...] = words.random_raw(out.size).reshape(out.shape)

    return launch


def clamped(indices: Array, length: int) -> Array:
    """Return `indices` as int64 within a table of `length` rows."""
    highest: Array = np.minimum(indices, np.array(length - 1, indices.dtype)).astype(np.int64)
    return highest.clip(min=0)
