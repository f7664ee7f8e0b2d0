"""A training step: recorded by shapes, bound to memory, run many times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import (
    Backend,
    Buffer,
    Executable,
    Plan,
    Storage,
    Trace,
    UnsupportedOperatorError,
)
from st.core.errors import StError
from st.nn.explain import Told, explain, told
from st.nn.flat import ParameterError
from st.nn.host import BatchError, as_batch, as_bytes
from st.nn.losses import Loss
from st.nn.model import Model
from st.nn.optim import Optimizer
from st.nn.plan import finish
from st.nn.record import StepPorts, step_ports, step_state, trace_step
from st.nn.selfcheck import compare_with_eager
from st.nn.tape import Tape, UnknownOperatorError, vocabulary

MAX_PLANS = 8
"""Batch sizes whose plans are kept; a run has two (the last batch of an epoch is smaller)."""

Arrays = dict[str, NDArray[np.generic]]


class SeedError(StError, TypeError):
    """A model draws random numbers, and nobody said from what."""


@dataclass
class BoundStep:
    """The plan of one batch size, bound."""

    ports: StepPorts
    plan: Plan
    numbers: tuple[int, ...]
    """For each call of the plan its number on the tape."""
    memory: dict[Storage, Buffer]
    executable: Executable
    vocabulary: tuple[int, int]
    """Of the time it was recorded; see `st.nn.tape.vocabulary`."""
    n_runs: int = 0
    """Runs since the loss was last read."""
    told: tuple[Told, ...] = ()
    """What there is to tell about each launch; filled when somebody first listens."""


class TrainingStep:
    """Forward, loss, derivative and optimizer as one plan per batch size.

    Parameters, running state, gradient and optimizer state belong to the step and are shared by its
    plans. One thread at a time may use a step. When operators or kernels of plugins have changed,
    the next step is recorded anew; a plan whose operators are gone goes on with those it holds.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        optimizer: Optimizer,
        backend: Backend,
        batch_size: int,
        parameters: Mapping[str, NDArray[Any]],
        *,
        seed: int | None = None,
    ) -> None:
        """Record and bind the step for `batch_size`.

        Args:
            model: What is trained.
            loss: What is made small.
            optimizer: How.
            backend: Where.
            batch_size: The batch size to prepare; others are prepared when they come.
            parameters: First values, by name; see `Model.initialise`.
            seed: Decides, with the number of the step, what modules draw; 0 to 2**64 - 1. May be
                left out where none does.

        Raises:
            ShapeError: The loss cannot take what the model gives.
            ParameterError: `parameters` are not the model's.
            GroupError: A group of the optimizer has no parameters.
            SeedError: A module draws, and there is no seed for it.
            BackendError: The backend cannot run an operator.
            BackendMemoryError: The device has no room.
        """
        if model.n_draws and seed is None:
            raise SeedError(
                f"model {model.name!r} draws random numbers while it trains; pass the run's seed: "
                "TrainingStep(..., seed=7)"
            )
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.backend = backend
        self.seed = seed or 0
        self.learning_rate = optimizer.lr
        """The rate of the next step; schedules change it."""
        self.n_steps = 0
        """Steps taken; counts on from what `load_state` brought."""
        self._state = step_state(model, optimizer)
        self._memory = {s: backend.alloc(s.nbytes) for s in self._state.storages}
        for storage in self._state.storages:
            backend.write(self._memory[storage], memoryview(bytes(storage.nbytes)))
        self._plans: OrderedDict[int, BoundStep] = OrderedDict()
        self._loss_sum = 0.0
        self._n_examples = 0
        self.load_parameters(parameters)
        self._main = self._bound(batch_size)

    # -- running ----------------------------------------------------------------------------

    def run(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Take one step.

        Args:
            x: `(batch, *input)`, converted to the model's input type; not modified.
            y: The target the loss asks for, for example int64 labels `(batch,)`.

        Raises:
            BatchError: The shapes are not those of a batch, or a table has no row for a number.
            LabelError: A target is none the loss can take.
        """
        bound = self._enter(x, y)
        record = None if self.backend.topic is None else self.backend.topic.record
        if record is None:
            bound.executable.run()
        else:
            bound.executable.run(self._trace(bound, record))
        self.n_steps += 1
        bound.n_runs += 1

    def read_loss(self) -> float:
        """Return the mean loss of the examples since it was last read; NaN when there were none."""
        for bound in self._plans.values():
            self._collect(bound)
        total, n = self._loss_sum, self._n_examples
        self._loss_sum, self._n_examples = 0.0, 0
        return total / n if n else float("nan")

    def check(self, x: NDArray[Any], y: NDArray[Any]) -> float:
        """Run the step eagerly and as a plan, compare every call, and leave the state as it was.

        Returns:
            The largest relative difference; 0.0 where every bit is equal.

        Raises:
            PlanMismatchError: A call differs by more than its type allows; names the first.
        """
        bound = self._enter(x, y)

        def trace(tape: Tape) -> None:
            trace_step(tape, self.model, self.loss, self.optimizer, self._state, bound.ports)

        with self._unchanged(bound) as before:
            return compare_with_eager(
                self.backend, trace, bound.plan, bound.numbers, bound.memory, before
            )

    def check_finite(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Run the step eagerly, look at every result, and leave the state as it was.

        What was finite may stop being so in the step itself; call this with the batch and the
        state at which a loss became NaN.

        Raises:
            NonFiniteError: A result is NaN or infinite; names the first operator that gave one.
        """
        bound = self._enter(x, y)
        tape = Tape(self.backend, memory=bound.memory, check_finite=True)
        with self._unchanged(bound):
            trace_step(tape, self.model, self.loss, self.optimizer, self._state, bound.ports)

    # -- state ------------------------------------------------------------------------------

    def parameters(self) -> Arrays:
        """Return copies of the parameters and the running state by name."""
        return self._state.weights.read(self.backend, self._memory)

    def load_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> None:
        """Replace the parameters and the running state; the inverse of `parameters`.

        Raises:
            ParameterError: They are not the model's.
        """
        self._state.weights.write(parameters, self.backend, self._memory)

    def state(self) -> Arrays:
        """Return copies of the rest of the state: the optimizer's flat vectors, and the counter."""
        vectors = {f"optimizer.{k}": self._read_flat(s) for k, s in self._state.vectors.items()}
        return {**vectors, "n_steps": np.array(self.n_steps, np.int64)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Replace the rest of the state; the inverse of `state`.

        Raises:
            ParameterError: It is not the state of such a step.
        """
        wanted = {f"optimizer.{name}": s for name, s in self._state.vectors.items()}
        shape = (self._state.weights.layout.size,)
        if set(state) != {*wanted, "n_steps"}:
            expected = ", ".join([*wanted, "n_steps"])
            raise ParameterError(f"the state has {', '.join(state)}, expected {expected}")
        for name in wanted:
            if state[name].shape != shape:
                raise ParameterError(f"{name} has shape {state[name].shape}, expected {shape}")
        for name, storage in wanted.items():
            self._write(storage, state[name].astype(self._state.weights.layout.dtype))
        self.n_steps = int(state["n_steps"])

    # -- what it is -------------------------------------------------------------------------

    @property
    def n_calls(self) -> int:
        """Calls of the plan for the batch size given first."""
        return len(self._main.plan.calls)

    @property
    def n_bytes(self) -> int:
        """Bytes of temporary memory that plan holds."""
        return self._main.executable.n_bytes

    def explain(self) -> str:
        """Return that plan as text: calls, bytes, floating operations, peak memory."""
        return explain(self._main.plan, self._main.executable)

    # -- inside -----------------------------------------------------------------------------

    def _enter(self, x: NDArray[Any], y: NDArray[Any]) -> BoundStep:
        bound = self._bound(len(x) if x.ndim else 0)
        ports = bound.ports
        x = as_batch("x", x, ports.x.spec)
        y = as_batch("y", y, ports.y.spec)
        for limit in self.model.limits:
            limit.check(x)
        self.loss.check(y, ports.prediction)
        scalars = [
            value
            for part in self._state.parts
            for value in part.optimizer.scalars(
                self.n_steps + 1, self.learning_rate * part.lr_scale
            )
        ]
        memory = bound.memory
        self.backend.write(memory[ports.x.storage], as_bytes(x))
        self.backend.write(memory[ports.y.storage], as_bytes(y))
        values = np.array(scalars, self._state.weights.layout.dtype)
        self.backend.write(memory[self._state.scalars], as_bytes(values))
        if self.model.n_draws:
            counter = np.array([self.seed, self.n_steps + 1], np.uint64)
            self.backend.write(memory[self._state.counter.storage], as_bytes(counter))
        return bound

    @contextmanager
    def _unchanged(self, bound: BoundStep) -> Iterator[dict[Storage, bytearray]]:
        """Give the state as it is, and put it back at the end."""
        kept = [*self._state.storages, bound.ports.loss.storage]
        before = {s: self._read(bound.memory[s], s.nbytes) for s in kept}
        try:
            yield before
        finally:
            for storage, data in before.items():
                self.backend.write(bound.memory[storage], memoryview(data))

    def _trace(self, bound: BoundStep, record: Callable[[tuple[Any, ...]], object]) -> Trace:
        bound.told = bound.told or told(bound.plan, bound.executable)
        launches, name = bound.told, self.backend.name

        def trace(n: int, start_ns: int, end_ns: int) -> None:
            op, shapes, where = launches[n]
            record((op, shapes, start_ns, end_ns, name, where))

        return trace

    def _bound(self, batch_size: int) -> BoundStep:
        found = self._plans.get(batch_size)
        if found is not None:
            self._plans.move_to_end(batch_size)
            return found if found.vocabulary == vocabulary() else self._renewed(found)
        if batch_size < 1:
            raise BatchError("a batch has at least one example")
        while len(self._plans) >= MAX_PLANS:
            self._collect(self._plans.popitem(last=False)[1])
        made = self._plans[batch_size] = self._recorded(batch_size)
        return made

    def _renewed(self, bound: BoundStep) -> BoundStep:
        """Return a step recorded with what plugins offer now, or the same if they lack something.

        A plugin that is reloaded is away for a moment; what is bound holds what it needs.
        """
        batch_size = bound.ports.x.spec.shape[0]
        now = vocabulary()
        try:
            made = self._recorded(batch_size)
        except (UnknownOperatorError, UnsupportedOperatorError):
            bound.vocabulary = now
            return bound
        self._collect(bound)
        if bound is self._main:
            self._main = made
        self._plans[batch_size] = made
        return made

    def _recorded(self, batch_size: int) -> BoundStep:
        now = vocabulary()
        ports = step_ports(self.model, self.loss, batch_size)
        tape = Tape(supports=self.backend.supports)
        trace_step(tape, self.model, self.loss, self.optimizer, self._state, ports)
        plan, numbers = finish(tape.calls)
        memory = dict(self._memory)
        for storage in (*ports.storages, *tape.constants):
            memory[storage] = self.backend.alloc(storage.nbytes)
        for storage, values in tape.constants.items():
            self.backend.write(memory[storage], as_bytes(values))
        loss = ports.loss.storage
        self.backend.write(memory[loss], memoryview(bytes(loss.nbytes)))
        return BoundStep(ports, plan, numbers, memory, self.backend.bind(plan, memory), now)

    def _collect(self, bound: BoundStep) -> None:
        """Add the loss a plan has summed up on the device to the host's sum, and set it to 0."""
        if not bound.n_runs:
            return
        view = bound.ports.loss
        buffer = bound.memory[view.storage]
        total = np.frombuffer(self._read(buffer, view.spec.nbytes), view.spec.dtype)[0]
        self.backend.write(buffer, memoryview(bytes(view.spec.nbytes)))
        batch_size = bound.ports.x.spec.shape[0]
        self._loss_sum += float(total) * batch_size
        self._n_examples += bound.n_runs * batch_size
        bound.n_runs = 0

    def _read(self, buffer: Buffer, n_bytes: int) -> bytearray:
        data = bytearray(n_bytes)
        self.backend.read(buffer, memoryview(data))
        return data

    def _read_flat(self, storage: Storage) -> NDArray[np.generic]:
        data = self._read(self._memory[storage], storage.nbytes)
        return np.frombuffer(data, self._state.weights.layout.dtype)

    def _write(self, storage: Storage, flat: NDArray[np.generic]) -> None:
        self.backend.write(self._memory[storage], as_bytes(flat))
