"""A sequence that goes on: one row in, one row out, at a cost that does not grow.

>>> import numpy as np
>>> from st.core.backend import spec
>>> from st.nn.model import Model
>>> from st.nn.numpy_backend import NumPyBackend
>>> sequencer = ZSpaceSequencer(heads=2)
>>> parameters = Model([("0", sequencer)], spec((9, 16), "float32")).initialise(seed=1)
>>> stream = ZSpaceStream(sequencer, parameters, NumPyBackend(), path="0")
>>> state = stream.init_state(1)
>>> for row in np.ones((3, 1, 16), np.float32):
...     y, state = stream.step(row, state)
>>> y.shape
(1, 16)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Backend, Buffer, Executable, Storage, View, dense, spec
from st.core.errors import StError
from st.nn import ops
from st.nn.host import as_bytes
from st.nn.plan import finish
from st.nn.tape import Tape
from st.nn.zspace_coherence.layer import Layer, Past, declaration
from st.nn.zspace_coherence.sequencer import ZSpaceSequencer

Array = NDArray[np.generic]


class StreamError(StError, ValueError):
    """A sequencer cannot go on row by row, or what was given is not its own."""


@dataclass(frozen=True, slots=True, eq=False)
class ZSpaceState:
    """What sequences were so far; its size does not depend on how long they were.

    Attributes:
        rows: The last K - 1 rows, `(batch, K - 1, width)`.
        sums: `(batch, heads, 3 bands, width / heads + 1)`.
    """

    rows: Array
    sums: Array


@dataclass(frozen=True, slots=True)
class _BoundStep:
    inputs: tuple[View, View, View]
    outputs: tuple[View, View, View]
    memory: Mapping[Storage, Buffer]
    executable: Executable


class ZSpaceStream:
    """A sequencer that goes on row by row. One thread at a time may use it."""

    def __init__(
        self,
        sequencer: ZSpaceSequencer,
        parameters: Mapping[str, NDArray[Any]],
        backend: Backend,
        path: str = "",
    ) -> None:
        """Bring the parameters to the backend.

        Args:
            sequencer: Whose rows; it has to be causal.
            parameters: By name; those of other modules are left alone.
            backend: Where.
            path: Where the sequencer is in its model; its parameters' names begin with it.

        Raises:
            StreamError: The sequencer looks ahead, or a parameter is missing or of another shape.
        """
        if not sequencer.causal:
            raise StreamError("a sequencer with causal = false needs the rows to come as well")
        start = f"{path}." if path else ""
        own = {k.removeprefix(start): v for k, v in parameters.items() if k.startswith(start)}
        if "gain" not in own:
            raise StreamError(f"there is no parameter {start}gain; is the path {path!r} right?")
        self.sequencer = sequencer
        self.backend = backend
        self.width = len(own["gain"])
        self.dtype = str(own["gain"].dtype)
        self._views: dict[str, View] = {}
        self._memory: dict[Storage, Buffer] = {}
        for name, (shape, _) in declaration(sequencer, self.width).items():
            if name not in own or own[name].shape != shape:
                raise StreamError(f"the parameter {start}{name} has to be of shape {shape}")
            self._views[name] = self._placed(shape, "state", name)
            backend.write(self._memory[self._views[name].storage], as_bytes(own[name]))
        # Filters do not change from row to row.
        self._filters = self._placed((sequencer.n_taps, self.width), "state", "filters")
        tape = Tape(backend, memory=self._memory)
        with tape.no_grad():
            layer = Layer(sequencer, {name: tape.tensor(v) for name, v in self._views.items()})
            ops.copy(layer.taps(), out=tape.tensor(self._filters))
        self._steps: dict[int, _BoundStep] = {}

    def init_state(self, batch: int) -> ZSpaceState:
        """Return the state of `batch` sequences that have not begun."""
        rows, sums = self._shapes(batch)
        return ZSpaceState(np.zeros(rows, self.dtype), np.zeros(sums, self.dtype))

    def step(self, x: NDArray[Any], state: ZSpaceState) -> tuple[Array, ZSpaceState]:
        """Return what `forward` gives for the next row, and the state after it.

        Args:
            x: `(batch, width)`; not modified, nor is `state`.
            state: That after the row before.

        Raises:
            StreamError: x or the state is of another shape.
        """
        shapes = (len(x), self.width), *self._shapes(len(x))
        given = (x, state.rows, state.sums)
        if tuple(of.shape for of in given) != shapes:
            raise StreamError(f"takes a row and a state of shapes {shapes}")
        if len(x) not in self._steps:
            self._steps[len(x)] = self._bound(len(x))
        bound = self._steps[len(x)]
        for view, values in zip(bound.inputs, given, strict=True):
            of = np.ascontiguousarray(values, self.dtype)
            self.backend.write(bound.memory[view.storage], as_bytes(of))
        bound.executable.run()
        y, rows, sums = (np.empty(view.spec.shape, self.dtype) for view in bound.outputs)
        for view, values in zip(bound.outputs, (y, rows, sums), strict=True):
            self.backend.read(bound.memory[view.storage], as_bytes(values))
        return y, ZSpaceState(rows, sums)

    def _shapes(self, batch: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        of = self.sequencer
        point = self.width // of.heads + 1
        return (batch, of.n_taps - 1, self.width), (batch, of.heads, 3 * of.bands, point)

    def _placed(self, shape: tuple[int, ...], role: Any, name: str) -> View:
        of = spec(shape, self.dtype)
        view = dense(Storage(of.nbytes, role, name), of)
        self._memory[view.storage] = self.backend.alloc(of.nbytes)
        return view

    def _bound(self, batch: int) -> _BoundStep:
        """Record one row of `batch` sequences and bind it; done once for each size of a batch."""
        rows, sums = self._shapes(batch)
        shapes = ("x", (batch, self.width)), ("rows", rows), ("sums", sums)
        inputs = [self._placed(shape, "input", name) for name, shape in shapes]
        tape = Tape(supports=self.backend.supports)
        parameters = {name: tape.tensor(view) for name, view in self._views.items()}
        layer = Layer(self.sequencer, parameters, tape.tensor(self._filters))
        with tape.no_grad():
            x, rows_before, sums_before = map(tape.tensor, inputs)
            reading = layer.read(x.reshape(batch, 1, -1), Past(rows_before, sums_before))
            after = layer.after(reading)
            made = reading.output.reshape(batch, -1), after.rows, after.sums
            outputs = [tape.new(value.spec, role="output").view for value in made]
            for value, view in zip(made, outputs, strict=True):
                ops.copy(value, out=tape.tensor(view))
        plan, _ = finish(tape.calls, tuple(outputs))
        memory = dict(self._memory)
        for storage in (*(view.storage for view in outputs), *tape.constants):
            memory[storage] = self.backend.alloc(storage.nbytes)
        for storage, values in tape.constants.items():
            self.backend.write(memory[storage], as_bytes(values))
        executable = self.backend.bind(plan, memory)
        return _BoundStep(
            (inputs[0], inputs[1], inputs[2]),
            (outputs[0], outputs[1], outputs[2]),
            memory,
            executable,
        )
