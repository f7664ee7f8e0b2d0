"""Predictions together with what metrics need of them, added up on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Backend, Buffer, Executable, Spec, Storage, View, dense, spec
from st.nn.host import as_batch, as_bytes
from st.nn.metrics import Metric, sums
from st.nn.model import Model
from st.nn.plan import finish
from st.nn.record import trace_prediction
from st.nn.tape import Tape
from st.nn.weights import weights

MAX_PLANS: Final = 4
"""Batch sizes whose plans are kept; an evaluation has two, the last batch is smaller."""

COLLECTED_BATCHES: Final = 64
"""After so many batches the sums are read, so that float32 holds what is added to them."""


@dataclass
class _Bound:
    """The plan of one batch size, bound to memory."""

    x: View
    y: View | None
    prediction: View
    memory: dict[Storage, Buffer]
    executable: Executable


@dataclass
class _Total:
    """What is added up for one metric: where on the device, and what was read so far."""

    views: tuple[View, ...]
    buffers: tuple[Buffer, ...]
    sums: list[NDArray[np.float64]] = field(default_factory=list)


class Judge:
    """Predicts batch by batch, and keeps the figures of `metrics` over all batches since `read`.

    One thread at a time may use a judge.
    """

    def __init__(
        self,
        model: Model,
        metrics: Mapping[str, Metric],
        parameters: Mapping[str, NDArray[Any]],
        backend: Backend,
    ) -> None:
        """Bring the parameters to the backend.

        Args:
            model: What predicts.
            metrics: By the names under which `read` gives their figures. All take one target.
            parameters: The model's, with its running state, by name.
            backend: Where everything is computed.

        Raises:
            ParameterError: `parameters` are not the model's.
            BackendMemoryError: The device has no room.
        """
        self.model = model
        self.metrics = dict(metrics)
        self.backend = backend
        self._weights = weights(model)
        self._memory = {s: backend.alloc(s.nbytes) for s in self._weights.storages}
        self._plans: dict[int, _Bound] = {}
        self._totals: dict[str, _Total] = {}
        self._n_examples = 0
        self._n_batches = 0
        self.load(parameters)

    def load(self, parameters: Mapping[str, NDArray[Any]]) -> None:
        """Replace the parameters.

        Raises:
            ParameterError: They are not the model's.
        """
        self._weights.write(parameters, self.backend, self._memory)

    def __call__(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Return the output `(batch, *output)` for x, judged by the targets y; a new array.

        Raises:
            BatchError: The arrays are no batch of this model.
        """
        output = self.model.output
        if not len(x):
            return np.empty((0, *output.shape), output.dtype)
        bound = self._plans.get(len(x)) or self._bind(len(x))
        self.backend.write(bound.memory[bound.x.storage], as_bytes(as_batch("x", x, bound.x.spec)))
        if bound.y is not None:
            self.backend.write(
                bound.memory[bound.y.storage], as_bytes(as_batch("y", y, bound.y.spec))
            )
        bound.executable.run()
        out = np.empty(bound.prediction.spec.shape, output.dtype)
        self.backend.read(bound.memory[bound.prediction.storage], as_bytes(out))
        self._n_examples += len(x)
        self._n_batches += 1
        if self._n_batches % COLLECTED_BATCHES == 0:
            self._collect()
        return out

    def read(self) -> dict[str, float]:
        """Return the figures of all examples since the last time; none of no examples."""
        self._collect()
        figures = {
            name: self.metrics[name].value(*(total / self._n_examples for total in found.sums))
            for name, found in self._totals.items()
            if self._n_examples
        }
        for found in self._totals.values():
            found.sums = [np.zeros_like(total) for total in found.sums]
        self._n_examples = self._n_batches = 0
        return figures

    def _bind(self, batch_size: int) -> _Bound:
        while len(self._plans) >= MAX_PLANS:
            self._plans.pop(next(iter(self._plans)))
        model, output = self.model, self.model.output
        of = spec((batch_size, *model.input.shape), model.input.dtype)
        x = dense(Storage(of.nbytes, "input", "x"), of)
        tape = Tape(supports=self.backend.supports)
        prediction = trace_prediction(tape, model, self._weights.views(), x)
        y = None
        for name, metric in self.metrics.items():
            wanted = metric.target(spec((batch_size, *output.shape), output.dtype))
            if y is None:
                y = dense(Storage(wanted.nbytes, "input", "y"), wanted)
            with tape.no_grad(), tape.at(name):
                found = sums(metric, prediction, tape.tensor(y))
                if name not in self._totals:
                    self._totals[name] = self._total(tuple(each.spec for each in found))
                for view, each in zip(self._totals[name].views, found, strict=True):
                    total = tape.tensor(view)
                    tape.emit("add", (total, each), out=(total,))
        plan, _ = finish(tape.calls, (prediction.view,))
        memory = dict(self._memory)
        for each_total in self._totals.values():
            pairs = zip(each_total.views, each_total.buffers, strict=True)
            memory |= {view.storage: buffer for view, buffer in pairs}
        ports = [x, prediction.view, *([] if y is None else [y])]
        for storage in (*(port.storage for port in ports), *tape.constants):
            memory[storage] = self.backend.alloc(storage.nbytes)
        for storage, values in tape.constants.items():
            self.backend.write(memory[storage], as_bytes(values))
        bound = _Bound(x, y, prediction.view, memory, self.backend.bind(plan, memory))
        self._plans[batch_size] = bound
        return bound

    def _total(self, specs: tuple[Spec, ...]) -> _Total:
        views = tuple(dense(Storage(of.nbytes, "state", "total"), of) for of in specs)
        buffers = tuple(self.backend.alloc(of.nbytes) for of in specs)
        found = _Total(views, buffers, [np.zeros(of.shape) for of in specs])
        for buffer, of in zip(buffers, specs, strict=True):
            self.backend.write(buffer, memoryview(bytes(of.nbytes)))
        return found

    def _collect(self) -> None:
        """Add what the device has summed up to the host's float64 sums, and set it to 0."""
        for found in self._totals.values():
            for place, (view, buffer) in enumerate(zip(found.views, found.buffers, strict=True)):
                part = np.empty(view.spec.shape, view.spec.dtype)
                self.backend.read(buffer, as_bytes(part))
                self.backend.write(buffer, memoryview(bytes(view.spec.nbytes)))
                found.sums[place] = found.sums[place] + part
