"""Recording: a training step or a prediction as a plan, by shapes alone.

What is traced here is traced the same way on an eager tape, which is how a plan is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from st.core.backend import Spec, Storage, View, dense, spec
from st.nn.flat import FlatLayout
from st.nn.losses import Loss
from st.nn.model import Model
from st.nn.optim import Optimizer
from st.nn.tape import Tape, Tensor, gradients


@dataclass(frozen=True)
class StepState:
    """What a training step keeps from run to run: one flat vector each, all of one layout."""

    layout: FlatLayout
    parameters: Storage
    gradient: Storage
    vectors: Mapping[str, Storage]
    scalars: Storage
    """What changes from step to step, see `Optimizer.scalars`; an input."""
    n_scalars: int

    @property
    def storages(self) -> tuple[Storage, ...]:
        """All of them."""
        return (self.parameters, self.gradient, *self.vectors.values(), self.scalars)


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
    """Return the storages of a training step; nothing is allocated."""
    flat = model.layout()
    n_scalars = len(optimizer.scalars(1, optimizer.lr))
    return StepState(
        flat,
        Storage(flat.n_bytes, "state", "parameters"),
        Storage(flat.n_bytes, "state", "gradient"),
        {name: Storage(flat.n_bytes, "state", name) for name in optimizer.vectors()},
        Storage(spec((n_scalars,), flat.dtype).nbytes, "input", "scalars"),
        n_scalars,
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
    """Write one training step on `tape`: forward, loss, derivative, optimizer."""
    flat = state.layout
    views = {name: flat.view(state.parameters, name) for name in flat.parts}
    prediction, parameters = model.forward(tape.tensor(ports.x), views, training=True)
    with tape.at("loss"):
        value = loss.forward(prediction, tape.tensor(ports.y))
    found = gradients(value, list(parameters.values()))
    with tape.no_grad(), tape.at("loss"):
        total = tape.tensor(ports.loss)
        tape.emit("add", (total, value), out=(total,))
    with tape.no_grad(), tape.at("gradient"):
        for name, gradient in zip(parameters, found, strict=True):
            goal = tape.tensor(flat.view(state.gradient, name))
            # A parameter that the loss does not depend on keeps the zeros it began with.
            if gradient is not None:
                tape.emit("copy", (gradient,), out=(goal,))
    scalars = tape.tensor(dense(state.scalars, spec((state.n_scalars,), flat.dtype)))
    with tape.no_grad(), tape.at("optimizer"):
        optimizer.update(
            tape.tensor(flat.whole(state.parameters)),
            tape.tensor(flat.whole(state.gradient)),
            {name: tape.tensor(flat.whole(storage)) for name, storage in state.vectors.items()},
            [scalars[n] for n in range(state.n_scalars)],
        )


def trace_prediction(
    tape: Tape, model: Model, flat: FlatLayout, parameters: Storage, x: View
) -> Tensor:
    """Write one prediction for `x` on `tape` and return it, dense and in a storage of its own."""
    views = {name: flat.view(parameters, name) for name in flat.parts}
    with tape.no_grad():
        prediction, _ = model.forward(tape.tensor(x), views, training=False)
        goal = tape.new(prediction.spec, role="output", name="prediction")
        tape.emit("copy", (prediction,), out=(goal,))
    return goal
