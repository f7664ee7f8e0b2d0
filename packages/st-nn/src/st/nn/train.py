"""Learning: a model, data, and an optimizer that brings them together, epoch by epoch.

>>> import numpy as np
>>> from st.nn import Dataset, Linear, Trainer
>>> x = np.array([[0, 1], [1, 0]] * 8, np.float32)
>>> data = Dataset(x, np.array([0, 1] * 8), ("left", "right"), np.arange(16))
>>> trainer = Trainer([Linear(out_features=2)], seed=7, batch_size=4)
>>> trainer.fit(data, epochs=30)
>>> trainer.evaluate(data).accuracy
1.0
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from st.core import (
    EpochEnd,
    EpochStart,
    Event,
    EventBus,
    StError,
    Telemetry,
    event,
    init_plugin_system,
)
from st.core.backend import Backend
from st.nn.backends import choose_backend
from st.nn.data import Dataset, Prefetched, batches
from st.nn.evaluation import Evaluation, evaluate_by_parts
from st.nn.fitting import model_for
from st.nn.flat import ParameterError
from st.nn.judge import Judge
from st.nn.losses import CrossEntropy, Loss
from st.nn.metrics import Metric
from st.nn.model import Model
from st.nn.modules import Module
from st.nn.optim import Adam, Optimizer
from st.nn.predictor import Predictor
from st.nn.recipe import Recipe
from st.nn.schedules import Schedule
from st.nn.step import TrainingStep

CHECKED_STEPS: Final = 2
"""How many steps are compared with the eager tape before the plan is trusted."""

LOGGED_STEPS: Final = 32
"""After so many steps the loss is read and BatchesDone published. At fixed steps, not after a time,
so that the sums that make up an epoch's loss are the same in every run."""

_EVALUATED_AT_ONCE: Final = 1024
_OWN: Final = "trainer."

Arrays = Mapping[str, NDArray[Any]]


class TrainingDivergedError(StError, ArithmeticError):
    """The loss is no longer a finite number."""


@event
class FitStarted(Event):
    """`Trainer.fit` is about to begin its first epoch; everything is prepared.

    Who listens may keep `trainer` until the fit is over: set ``trainer.step.learning_rate``, copy
    ``trainer.parameters()`` and ``trainer.state()`` when an epoch ends, or ``trainer.stop()``.
    `data` is what is learned from.
    """

    trainer: Trainer
    data: Dataset


@event
class BatchesDone(Event):
    """So many batches of an epoch have been learned from; the trainer's state is whole.

    Published every `LOGGED_STEPS` batches, but not at the end of an epoch, which EpochEnd tells.
    `loss` is the mean since it was last read.
    """

    epoch: int
    n_done: int
    n_batches: int
    loss: float


class Trainer:
    """Fits a model to data and publishes how it goes; whatever else is wanted listens.

    First it publishes FitStarted, per epoch EpochStart, BatchesDone on the way, then Telemetry with
    ``epoch``, ``loss``, ``images_per_second``, ``learning_rate`` where a schedule changes it, and,
    where data is held out, what `Evaluation.metrics` holds, each with ``held_out_`` before its
    name; then EpochEnd. One thread at a time may use a trainer.
    """

    def __init__(
        self,
        model: Model | Sequence[Module],
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        schedule: Schedule | None = None,
        backend: Backend | None = None,
        bus: EventBus | None = None,
        metrics: Mapping[str, Metric] | None = None,
        batch_size: int = 32,
        prefetch: int = 0,
        seed: int = 0,
    ) -> None:
        """Prepare; nothing is allocated before `fit`.

        Args:
            model: A model, or its modules in order; these take the shape of the data.
            loss: What to make small; cross-entropy unless given.
            optimizer: How; Adam unless given.
            schedule: What the optimizer's rate is multiplied by before every step; without one it
                stays as it is, or as a listener sets it at ``step.learning_rate``.
            backend: What computes; unless given, the best that installed plugins offer.
            bus: Who is told; unless given, the bus of the global registry.
            metrics: Further figures of the data held out, by the names they are told under.
            batch_size: Examples in one step, 1 or more.
            prefetch: Batches that a thread gets ready in advance. It pays where they are read or
                made, or where they are large (a copy of 0.8 MB: 8 % of a step); small ones of
                arrays in memory are there sooner without (a step of 82 us took 123).
            seed: Decides the first weights, the order of the examples, and what modules draw; 0 to
                2**63 - 1.

        Raises:
            ValueError: `seed` is out of range.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"seed: expected 0 to 2**63 - 1, given {seed}")
        self._described = model
        self.loss = loss or CrossEntropy()
        self.optimizer = optimizer or Adam()
        self.schedule = schedule
        self.backend = backend or choose_backend(init_plugin_system()).backend
        self.bus = bus or init_plugin_system().bus
        self.metrics = metrics or {}
        self.batch_size = batch_size
        self.prefetch = prefetch
        self.seed = seed
        self.epoch = 0
        """Epochs that are over."""
        self.n_batches = 0
        """Batches of the next epoch that are over."""
        self._loss_sum = 0.0
        self._n_examples = 0
        self._n_unread = 0
        self._step: TrainingStep | None = None
        self._size = batch_size
        self._judge: Judge | None = None
        self._must_stop = False
        self._renewals: deque[Callable[[], Recipe]] = deque()

    @property
    def step(self) -> TrainingStep:
        """The recorded step.

        Raises:
            UntrainedError: Neither `prepare` nor `fit` was called.
        """
        if self._step is None:
            raise UntrainedError("this trainer has no weights yet; call fit first")
        return self._step

    def prepare(self, data: Dataset) -> TrainingStep:
        """Record and bind the step for `data`, and compare it with the eager tape.

        `fit` does so itself; call it to look at the step before. Does nothing the second time.

        Raises:
            TypeError: The model holds something else than modules.
            OperandError: A module cannot take what comes before it, or the model does not give one
                number for each class or target.
            PlanMismatchError: The plan computes something else than the eager tape.
            BackendError: The backend cannot run the step.
        """
        if self._step is None:
            model = model_for(self._described, data)
            size = self._size = min(self.batch_size, len(data))
            first = model.initialise(self.seed)
            self._step = TrainingStep(
                model, self.loss, self.optimizer, self.backend, size, first, seed=self.seed
            )
            x, y = next(batches(data, size, seed=self.seed, epoch=1))
            self._step.check(x, y)
        return self._step

    def fit(self, data: Dataset, *, epochs: int, held_out: Dataset | None = None) -> None:
        """Learn from `data`, `epochs` times over; a second call goes on from there.

        Args:
            data: The examples to learn from.
            epochs: How many more epochs; with those before, they are the run of a schedule.
            held_out: Examples to be judged by after each epoch.

        Raises:
            TrainingDivergedError: The loss is no number any more; the epoch does not count.
            PlanMismatchError: The plan computes something else than the eager tape.
        """
        self.prepare(data)
        self._must_stop = False
        last = self.epoch + epochs
        self.bus.publish(FitStarted(self, data))
        for _ in range(epochs):
            if self._must_stop:
                break
            epoch = self.epoch + 1
            self.bus.publish(EpochStart(epoch))
            start, n_before = time.perf_counter(), self._n_examples
            self._learn(data, epoch, last)
            self._read_loss(self.step, epoch)
            speed = (self._n_examples - n_before) / (time.perf_counter() - start)
            loss = self._loss_sum / self._n_examples
            self.epoch, self.n_batches, self._loss_sum, self._n_examples = epoch, 0, 0.0, 0
            told = {"epoch": float(epoch), "loss": loss, "images_per_second": speed}
            if self.schedule is not None:
                told["learning_rate"] = self.step.learning_rate
            if held_out is not None:
                metrics = self.evaluate(held_out).metrics
                told |= {f"held_out_{name}": value for name, value in metrics.items()}
            self.bus.publish(Telemetry(told))
            self.bus.publish(EpochEnd(epoch, loss))

    def stop(self) -> None:
        """End `fit` after the current epoch. For listeners."""
        self._must_stop = True

    def renew(self, make: Callable[[], Recipe]) -> None:
        """Before the next step, record it again from what `make` gives, and go on with the numbers.

        For whoever exchanges the code of a module, a loss or a backend while it trains; also takes
        back a `stop`. May be called from any thread; `make` is called on the one that trains, and
        what it raises ends the training.
        """
        self._renewals.append(make)
        self._must_stop = False

    def evaluate(self, data: Dataset) -> Evaluation:
        """Return how the model does on `data`."""
        parameters = self.step.parameters()
        if self._judge is None:
            self._judge = Judge(self.step.model, self.metrics, parameters, self.backend)
        else:
            self._judge.load(parameters)
        return evaluate_by_parts(data, self._judge)

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the model's output for x `(batch, *input)`, one row each."""
        predictor = Predictor(self.step.model, self.step.parameters(), self.backend)
        parts = [
            predictor(x[start : start + _EVALUATED_AT_ONCE])
            for start in range(0, max(len(x), 1), _EVALUATED_AT_ONCE)
        ]
        return np.concatenate(parts)

    def parameters(self) -> Arrays:
        """Return copies of the parameters by name."""
        return self.step.parameters()

    def state(self) -> Arrays:
        """Return copies of all else that `load_state` needs to go on exactly from here, by name.

        That is what the optimizer remembers, the steps taken, the place in the epoch with the loss
        so far, the rate, and the seed that orders the examples.
        """
        own = {
            "epoch": np.array(self.epoch, np.int64),
            "n_batches": np.array(self.n_batches, np.int64),
            "n_examples": np.array(self._n_examples, np.int64),
            "loss_sum": np.array(self._loss_sum, np.float64),
            "learning_rate": np.array(self.step.learning_rate, np.float64),
            "seed": np.array(self.seed, np.uint64),
        }
        return {**self.step.state(), **{f"{_OWN}{name}": value for name, value in own.items()}}

    def load_state(self, parameters: Arrays, state: Arrays) -> None:
        """Go on from where `parameters` and `state` were taken; `prepare` comes first.

        Raises:
            ParameterError: They are not those of such a model, optimizer and seed; nothing changed
                but perhaps the parameters.
            UntrainedError: Neither `prepare` nor `fit` was called.
        """
        own = {name.removeprefix(_OWN): state[name] for name in state if name.startswith(_OWN)}
        rest = {name: array for name, array in state.items() if not name.startswith(_OWN)}
        expected = {"epoch", "n_batches", "n_examples", "loss_sum", "learning_rate", "seed"}
        if set(own) != expected or any(array.shape for array in own.values()):
            raise ParameterError(
                f"the state does not say where the training stood: expected the single numbers "
                f"{', '.join(sorted(expected))}, given {', '.join(sorted(own)) or 'nothing'}"
            )
        if int(own["seed"]) != self.seed:
            raise ParameterError(f"the state is of seed {own['seed']}, this is seed {self.seed}")
        self.step.load_parameters(parameters)
        self.step.load_state(rest)
        self.step.learning_rate = float(own["learning_rate"])
        self.epoch, self.n_batches = int(own["epoch"]), int(own["n_batches"])
        self._n_examples, self._loss_sum = int(own["n_examples"]), float(own["loss_sum"])

    def _learn(self, data: Dataset, epoch: int, last: int) -> None:
        step = self.step
        n_batches = math.ceil(len(data) / self.batch_size)
        rest = batches(data, self.batch_size, seed=self.seed, epoch=epoch, first=self.n_batches)
        with Prefetched(rest, self.prefetch) if self.prefetch else nullcontext(rest) as found:
            for x, y in found:
                if self._renewals:
                    step = self._renewed(step, epoch)
                    step.check(x, y)
                self._take_step(step, x, y, last * n_batches, n_batches)
                if self.n_batches % LOGGED_STEPS == 0 and self.n_batches < n_batches:
                    loss = self._read_loss(step, epoch)
                    self.bus.publish(BatchesDone(epoch, self.n_batches, n_batches, loss))

    def _renewed(self, old: TrainingStep, epoch: int) -> TrainingStep:
        """Return the step recorded again, with the numbers of `old`."""
        if self._n_unread:
            self._read_loss(old, epoch)
        while self._renewals:  # one that comes in meanwhile stays for the step after
            make = self._renewals.popleft()
        recipe = make()
        self.loss, self.optimizer, self.backend = recipe.loss, recipe.optimizer, recipe.backend
        self.schedule, self.metrics, self._judge = recipe.schedule, recipe.metrics, None
        step = TrainingStep(
            recipe.model,
            self.loss,
            self.optimizer,
            self.backend,
            self._size,
            old.parameters(),
            seed=self.seed,
        )
        step.load_state(old.state())
        step.learning_rate = old.learning_rate
        self._step = step
        return step

    def _take_step(
        self, step: TrainingStep, x: NDArray[Any], y: NDArray[Any], n_steps: int, n_batches: int
    ) -> None:
        if self.schedule is not None:
            factor = self.schedule.factor(step.n_steps + 1, n_steps, n_batches)
            step.learning_rate = self.optimizer.lr * factor
        if step.n_steps < CHECKED_STEPS:
            step.check(x, y)
        step.run(x, y)
        self.n_batches += 1
        self._n_unread += len(y)

    def _read_loss(self, step: TrainingStep, epoch: int) -> float:
        """Add the loss that the device has summed up since the last time to the epoch's."""
        loss = step.read_loss()
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"the loss is {loss} in epoch {epoch}, after {self.n_batches} batches; "
                f"a smaller lr than {self.optimizer.lr:g} may help"
            )
        self._loss_sum += loss * self._n_unread
        self._n_examples += self._n_unread
        self._n_unread = 0
        return loss


class UntrainedError(StError, RuntimeError):
    """Weights were asked for before there were any."""
