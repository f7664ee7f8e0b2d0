"""Predictions of a model with given parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import (
    Backend,
    Buffer,
    Executable,
    Plan,
    Storage,
    UnsupportedOperatorError,
    View,
    dense,
    spec,
)
from st.nn.host import as_batch, as_bytes
from st.nn.model import Model
from st.nn.plan import finish
from st.nn.record import trace_prediction
from st.nn.tape import Tape, UnknownOperatorError, vocabulary
from st.nn.weights import weights

MAX_PLANS = 8
"""Batch sizes whose plans are kept."""


@dataclass
class BoundPrediction:
    """A plan bound to memory of its own; one thread at a time uses it."""

    memory: dict[Storage, Buffer]
    executable: Executable


@dataclass
class RecordedPrediction:
    """The plan of one batch size, and the bound ones nobody uses at the moment."""

    x: View
    y: View
    plan: Plan
    constants: Mapping[Storage, NDArray[np.generic]]
    vocabulary: tuple[int, int]
    """Of the time it was recorded; see `st.nn.tape.vocabulary`."""
    idle: list[BoundPrediction] = field(default_factory=list)


class Predictor:
    """Gives a model's output for batches of any size. Safe to call from any thread.

    Threads that call at once each get a bound plan of their own; parameters and running state
    are shared. When operators or kernels of plugins have changed, the next prediction is recorded
    anew; a plan whose operators are gone goes on with those it holds.
    """

    def __init__(
        self, model: Model, parameters: Mapping[str, NDArray[Any]], backend: Backend
    ) -> None:
        """Bring the parameters to the backend.

        Args:
            model: What predicts.
            parameters: Its parameters and running state, by name.
            backend: Where.

        Raises:
            ParameterError: `parameters` are not the model's.
            BackendMemoryError: The device has no room.
        """
        self.model = model
        self.backend = backend
        self._weights = weights(model)
        self._memory = {s: backend.alloc(s.nbytes) for s in self._weights.storages}
        self._weights.write(parameters, backend, self._memory)
        self._recorded: OrderedDict[int, RecordedPrediction] = OrderedDict()
        self._lock = Lock()

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output `(batch, *output)` for x `(batch, *input)`; a new array.

        Raises:
            BatchError: x is no batch of this model's input, or a table has no row for a number.
            BackendError: The backend cannot run an operator.
            BackendMemoryError: The device has no room for what lies between the modules.
        """
        batch_size = len(x) if x.ndim else 0
        x = as_batch("x", x, spec((batch_size, *self.model.input.shape), self.model.input.dtype))
        for limit in self.model.limits:
            limit.check(x)
        output = self.model.output
        if batch_size == 0:
            return np.empty((0, *output.shape), output.dtype)
        recorded, bound = self._take(batch_size)
        out = np.empty((batch_size, *output.shape), output.dtype)
        self.backend.write(bound.memory[recorded.x.storage], as_bytes(x))
        bound.executable.run()
        self.backend.read(bound.memory[recorded.y.storage], as_bytes(out))
        recorded.idle.append(bound)
        return out

    def _take(self, batch_size: int) -> tuple[RecordedPrediction, BoundPrediction]:
        # The lock is held for looking up and recording, never while a plan runs.
        with self._lock:
            recorded = self._recorded.get(batch_size)
            if recorded is None:
                if len(self._recorded) >= MAX_PLANS:
                    self._recorded.popitem(last=False)
                recorded = self._recorded[batch_size] = self._record(batch_size)
            elif recorded.vocabulary != vocabulary():
                recorded = self._recorded[batch_size] = self._renewed(batch_size, recorded)
            self._recorded.move_to_end(batch_size)
            if recorded.idle:
                return recorded, recorded.idle.pop()
        return recorded, self._bind(recorded)

    def _renewed(self, batch_size: int, recorded: RecordedPrediction) -> RecordedPrediction:
        """Return a prediction recorded with what plugins offer now, or the same if they lack it."""
        now = vocabulary()
        try:
            made = self._record(batch_size)
            made.idle.append(self._bind(made))
        except (UnknownOperatorError, UnsupportedOperatorError):
            recorded.vocabulary = now
            return recorded
        return made

    def _record(self, batch_size: int) -> RecordedPrediction:
        now = vocabulary()
        of = spec((batch_size, *self.model.input.shape), self.model.input.dtype)
        x = dense(Storage(of.nbytes, "input", "x"), of)
        tape = Tape(supports=self.backend.supports)
        y = trace_prediction(tape, self.model, self._weights.views(), x)
        plan, _ = finish(tape.calls, (y.view,))
        return RecordedPrediction(x, y.view, plan, tape.constants, now)

    def _bind(self, recorded: RecordedPrediction) -> BoundPrediction:
        memory = dict(self._memory)
        for storage in (recorded.x.storage, recorded.y.storage, *recorded.constants):
            memory[storage] = self.backend.alloc(storage.nbytes)
        for storage, values in recorded.constants.items():
            self.backend.write(memory[storage], as_bytes(values))
        return BoundPrediction(memory, self.backend.bind(recorded.plan, memory))
