"""Recording: a training step or a prediction as a plan, by shapes alone.

What is traced here is traced the same way on an eager tape, which is how a plan is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from st.core.backend import Spec, Storage, View, dense, spec
from st.nn.losses import Loss
from st.nn.model import Model
from st.nn.optim import Optimizer, Part, clipped, parts
from st.nn.tape import Tape, Tensor, gradients
from st.nn.variables import Variables, write_assigned
from st.nn.weights import Weights, weights


@dataclass(frozen=True)
class StepState:
    """What a training step keeps from run to run: flat vectors, and what is new in each step."""

    weights: Weights
    gradient: Storage
    """Of the layout of the parameters."""
    vectors: Mapping[str, Storage]
    """What the optimizer remembers, each of that layout too."""
    scalars: Storage
    """What changes from step to step, see `Optimizer.scalars`; an input."""
    parts: tuple[Part, ...]
    """Which parameters the optimizer changes in which way; they follow each other in this order."""
    n_scalars: int
    """Of each part; they lie one after another."""
    counter: View
    """Seed and number of the step, from which a step draws; an input."""

    @property
    def storages(self) -> tuple[Storage, ...]:
        """All of them."""
        return (
            *self.weights.storages,
            self.gradient,
            *self.vectors.values(),
            self.scalars,
            self.counter.storage,
        )


@dataclass(frozen=True)
class StepPorts:
    """What belongs to one batch size: where the batch enters, and where the loss adds up."""

    x: View
    y: View
    loss: View
    prediction: Spec
    storages: tuple[Storage, ...] = field(init=False)

    def __post_init__(self) -> None:
        views = (self.x, self.y, self.loss)
        object.__setattr__(self, "storages", tuple(view.storage for view in views))


def step_state(model: Model, optimizer: Optimizer) -> StepState:
    """Return the storages of a training step; nothing is allocated.

    Raises:
        GroupError: No parameter has the name that a group of the optimizer asks for.
    """
    divided = parts(optimizer, model.parameters)
    kept = weights(model, [name for part in divided for name in part.names])
    flat = kept.layout
    n_scalars = len(optimizer.scalars(1, optimizer.lr))
    counter = spec((2,), "uint64")
    return StepState(
        kept,
        Storage(flat.n_bytes, "state", "gradient"),
        {name: Storage(flat.n_bytes, "state", name) for name in optimizer.vectors()},
        Storage(spec((len(divided) * n_scalars,), flat.dtype).nbytes, "input", "scalars"),
        divided,
        n_scalars,
        dense(Storage(counter.nbytes, "input", "random"), counter),
    )


def step_ports(model: Model, loss: Loss, batch_size: int) -> StepPorts:
    """Return where a batch of `batch_size` enters and its loss adds up.

    Raises:
        ShapeError: The loss cannot take what the model gives.
    """
    x = spec((batch_size, *model.input.shape), model.input.dtype)
    prediction = spec((batch_size, *model.output.shape), model.output.dtype)
    y = loss.target(prediction)
    total = spec((), model.output.dtype)
    return StepPorts(
        dense(Storage(x.nbytes, "input", "x"), x),
        dense(Storage(y.nbytes, "input", "y"), y),
        dense(Storage(total.nbytes, "state", "loss"), total),
        prediction,
    )


def trace_step(
    tape: Tape, model: Model, loss: Loss, optimizer: Optimizer, state: StepState, ports: StepPorts
) -> None:
    """Write one training step on `tape`: forward, loss, derivative, running state, optimizer."""
    flat, views = state.weights.layout, state.weights.views()
    variables = Variables(model.dtype, views, state.counter)
    prediction = model.forward(tape.tensor(ports.x), variables, training=True)
    with tape.at("loss"):
        value = loss.forward(prediction, tape.tensor(ports.y))
    parameters = variables.parameters
    found = gradients(value, list(parameters.values()))
    # After the derivative, which reads the old values, and before the parameters change.
    write_assigned(tape, variables, views)
    with tape.no_grad(), tape.at("loss"):
        total = tape.tensor(ports.loss)
        tape.emit("add", (total, value), out=(total,))
    with tape.no_grad(), tape.at("gradient"):
        for name, gradient in zip(parameters, found, strict=True):
            goal = tape.tensor(flat.view(state.gradient, name))
            # A parameter that the loss does not depend on keeps the zeros it began with.
            if gradient is not None:
                tape.emit("copy", (gradient,), out=(goal,))
    with tape.no_grad(), tape.at("optimizer"):
        _trace_update(tape, optimizer, state)


def _trace_update(tape: Tape, optimizer: Optimizer, state: StepState) -> None:
    """Let the optimizer change the parameters, part by part."""
    flat, n = state.weights.layout, state.n_scalars
    parameters = tape.tensor(flat.whole(state.weights.parameters))
    gradient = clipped(tape.tensor(flat.whole(state.gradient)), optimizer.clip_norm)
    vectors = {name: tape.tensor(flat.whole(of)) for name, of in state.vectors.items()}
    scalars = tape.tensor(dense(state.scalars, spec((len(state.parts) * n,), flat.dtype)))
    for number, part in enumerate(state.parts):
        at = flat.span(part.names)
        part.optimizer.update(
            parameters[at],
            gradient[at],
            {name: vector[at] for name, vector in vectors.items()},
            [scalars[number * n + k] for k in range(n)],
        )


def trace_prediction(tape: Tape, model: Model, views: Mapping[str, View], x: View) -> Tensor:
    """Write one prediction for `x` on `tape` and return it, dense and in a storage of its own."""
    with tape.no_grad():
        prediction = model.forward(tape.tensor(x), Variables(model.dtype, views), training=False)
        goal = tape.new(prediction.spec, role="output", name="prediction")
        tape.emit("copy", (prediction,), out=(goal,))
    return goal
