"""What a forward pass reads beside its input: parameters, running state, random words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from st.core.backend import Storage, View, dense, spec
from st.core.errors import StError
from st.nn import ops
from st.nn.init import Initializer
from st.nn.tape import Tape, Tensor


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter that some module declared, or, where it is not trained, running state."""

    shape: tuple[int, ...]
    dtype: str
    init: Initializer
    is_trained: bool = True

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "parameter" if self.is_trained else "running state"


class ParameterConflictError(StError, ValueError):
    """One name for two things, or for nothing."""


@dataclass(slots=True)
class Variables:
    """Where a forward pass gets its numbers, and what it leaves.

    `views` says where parameters and running state lie, by name; without, they are declared when
    they are first asked for. `counter` is where seed and step lie, uint64 `(2,)`.
    """

    dtype: str
    views: Mapping[str, View] | None = None
    counter: View | None = None
    declared: dict[str, ParameterInfo] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    """Every value by name, running state as it was assigned last."""
    assigned: dict[str, str] = field(default_factory=dict)
    """Names of running state that was assigned, with the path of the module that did."""
    n_draws: int = 0

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What is trained, by name."""
        return {name: x for name, x in self.tensors.items() if self.declared[name].is_trained}

    def get(self, tape: Tape, name: str, info: ParameterInfo) -> Tensor:
        """Return the value called `name`; the same tensor until it is assigned.

        Raises:
            ParameterConflictError: The name is that of something else, or of nothing.
        """
        known = self.declared.get(name)
        if known is None:
            self.declared[name] = known = info
            self.tensors[name] = tape.tensor(self._view(name, info))
        if (known.shape, known.is_trained) != (info.shape, info.is_trained):
            raise ParameterConflictError(
                f"{known.kind} {name!r} is {known.shape} and was asked for as {info.kind} "
                f"{info.shape}"
            )
        return self.tensors[name]

    def assign(self, name: str, value: Tensor, where: str) -> None:
        """Let running state have another value from here on; the derivative does not go through.

        Raises:
            ParameterConflictError: There is no such running state, or it is not like `value`.
        """
        known = self.declared.get(name)
        if known is None or known.is_trained:
            raise ParameterConflictError(f"{name!r} is assigned but was never asked for as state")
        of = spec(known.shape, known.dtype)
        if value.spec is not of:
            raise ParameterConflictError(
                f"running state {name!r} is {of} and was assigned {value.spec}"
            )
        self.tensors[name] = value.detach()
        self.assigned[name] = where

    def draw(self, tape: Tape, shape: tuple[int, ...]) -> Tensor:
        """Return random words; every call has a stream of its own, numbered in order."""
        if self.counter is None:
            self.counter = tape.new(spec((2,), "uint64"), role="input", name="random").view
        stream, self.n_draws = self.n_draws, self.n_draws + 1
        return ops.philox(tape.tensor(self.counter), shape, stream)

    def _view(self, name: str, info: ParameterInfo) -> View:
        if self.views is None:
            of = spec(info.shape, info.dtype)
            return dense(Storage(of.nbytes, "state", name), of)
        found = self.views.get(name)
        if found is None:
            raise ParameterConflictError(
                f"{info.kind} {name!r} was not asked for when the model was made; "
                "ask for the same in training and in prediction"
            )
        return found


def write_assigned(tape: Tape, variables: Variables, views: Mapping[str, View]) -> None:
    """Write on `tape` that running state takes the values it was assigned.

    The last thing a pass does, so that everything before, derivatives too, reads the old values.
    """
    with tape.no_grad():
        values = {}
        for name, where in variables.assigned.items():
            value = variables.tensors[name]
            with tape.at(where):
                # Two may have changed places: what is still to be overwritten is copied first.
                is_old = value.view.storage is views[name].storage
                values[name] = ops.copy(value) if is_old else value
        for name, where in variables.assigned.items():
            with tape.at(where):
                tape.emit("copy", (values[name],), out=(tape.tensor(views[name]),))
