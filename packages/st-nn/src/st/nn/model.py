"""A model: modules one after another, their parameters declared and their shapes known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Spec, Storage, View, dense, spec
from st.core.errors import StError
from st.nn.flat import FlatLayout, layout
from st.nn.init import Initializer, generator
from st.nn.modules.base import Module, Scope, module_type
from st.nn.tape import FLOATS, OperandError, ShapeError, Tape, Tensor

N_TRIAL = 7
"""Length of the batch axis while shapes are found; a prime, so that it is mistaken for no other."""


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter that some module declared."""

    shape: tuple[int, ...]
    dtype: str
    init: Initializer


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One module of a model; shapes are without the batch axis."""

    path: str
    module_type: str
    module: Module
    output_shape: tuple[int, ...]
    n_parameters: int


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """A module that cannot take what comes before it; shapes are without the batch axis."""

    index: int
    path: str
    message: str
    expected: tuple[int, ...] | None
    given: tuple[int, ...]


class ParameterConflictError(StError, ValueError):
    """One name for two parameters of different shape."""


@dataclass(slots=True)
class Parameters:
    """Where a forward pass gets its parameters: looked up, or declared when first asked for."""

    dtype: str
    views: Mapping[str, View] | None = None
    declared: dict[str, ParameterInfo] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def get(self, tape: Tape, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """Return the parameter `name`; the same tensor every time."""
        found = self.tensors.get(name)
        if found is None:
            of = spec(shape, self.dtype)
            if self.views is None:
                view = dense(Storage(of.nbytes, "state", name), of)
            else:
                view = self.views[name]
            found = self.tensors[name] = tape.tensor(view)
            self.declared[name] = ParameterInfo(of.shape, self.dtype, init)
        if found.shape != tuple(shape):
            raise ParameterConflictError(
                f"parameter {name!r} is {found.shape} and was asked for as {tuple(shape)}"
            )
        return found


@dataclass(frozen=True, slots=True)
class TapeScope:
    """The scope of a module while its `forward` runs on a tape. See `Scope`."""

    tape: Tape
    parameters: Parameters
    path: str
    training: bool

    def parameter(self, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """See `Scope.parameter`."""
        return self.parameters.get(self.tape, f"{self.path}.{name}", shape, init)

    def child(self, name: str) -> Scope:
        """See `Scope.child`."""
        return TapeScope(self.tape, self.parameters, f"{self.path}.{name}", self.training)

    def apply(self, name: str, module: Module, x: Tensor) -> Tensor:
        """See `Scope.apply`."""
        return _forward(module, x, self.child(name))


class Model:
    """Modules one after another. Immutable: parameters are pure data beside it.

    >>> from st.nn.modules import Linear, Relu
    >>> model = Model([("0", Linear(out_features=3)), ("1", Relu())], spec((4,), "float32"))
    >>> [(layer.path, layer.output_shape, layer.n_parameters) for layer in model.layers]
    [('0', (3,), 15), ('1', (3,), 0)]
    """

    def __init__(
        self, modules: Sequence[tuple[str, Module]], input: Spec, name: str = "model"
    ) -> None:
        """Find every shape by one forward pass without memory.

        Args:
            modules: Name (a step of the module path) and module, in order.
            input: Spec of one example, without the batch axis. Its floating type is the
                parameters'; for integers that is float32.
            name: For people.

        Raises:
            OperandError: A module cannot take its input; names the module's path.
        """
        self.modules = tuple(modules)
        self.input = input
        self.name = name
        self.dtype = _parameter_dtype(input)
        tape = Tape()
        found = Parameters(self.dtype)
        layers = []
        x = _trial(tape, input)
        for path, module in self.modules:
            before = len(found.declared)
            x = _checked(module, x, TapeScope(tape, found, path, True))
            new = list(found.declared.values())[before:]
            n_parameters = sum(spec(p.shape, p.dtype).size for p in new)
            shape = x.shape[1:]
            layers.append(LayerInfo(path, module_type(module), module, shape, n_parameters))
        self.layers = tuple(layers)
        self.output = spec(x.shape[1:], x.dtype)
        """Spec of one prediction, without the batch axis."""
        self.parameters: Mapping[str, ParameterInfo] = found.declared

    def initialise(self, seed: int) -> dict[str, NDArray[np.generic]]:
        """Return the first values of every parameter: a function of seed, name and shape alone."""
        return {
            name: info.init(generator(seed, name), info.shape).astype(info.dtype)
            for name, info in self.parameters.items()
        }

    def layout(self) -> FlatLayout:
        """Return where each parameter lies in one flat vector."""
        return layout({name: p.shape for name, p in self.parameters.items()}, self.dtype)

    def forward(
        self, x: Tensor, views: Mapping[str, View], *, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the prediction for `x` `(batch, *input)`, and the parameters it used by name."""
        parameters = Parameters(self.dtype, views)
        for path, module in self.modules:
            x = _forward(module, x, TapeScope(x.tape, parameters, path, training))
        return x, parameters.tensors


def check_shapes(modules: Sequence[tuple[str, Module]], input: Spec) -> list[ShapeFault]:
    """Return every module that cannot take what comes before it, first to last.

    After a fault the check goes on with what the module says it accepts; it ends at a module that
    does not say.
    """
    tape = Tape()
    parameters = Parameters(_parameter_dtype(input))
    faults: list[ShapeFault] = []
    x = _trial(tape, input)
    for index, (path, module) in enumerate(modules):
        scope = TapeScope(tape, parameters, path, True)
        try:
            x = _checked(module, x, scope)
        except OperandError as error:
            accepted = module.accepts(x.spec)
            expected = accepted.shape[1:] if accepted else None
            faults.append(ShapeFault(index, path, error.reason, expected, x.shape[1:]))
            if accepted is None or accepted is x.spec:
                break
            x = _checked(module, tape.new(accepted), scope)
    return faults


def _parameter_dtype(input: Spec) -> str:
    return input.dtype if input.dtype in FLOATS else "float32"


def _trial(tape: Tape, input: Spec) -> Tensor:
    return tape.new(spec((N_TRIAL, *input.shape), input.dtype), role="input", name="x")


def _checked(module: Module, x: Tensor, scope: Scope) -> Tensor:
    y = _forward(module, x, scope)
    if y.shape[:1] != (N_TRIAL,):
        raise ShapeError(
            f"the output {y.shape} does not begin with the batch axis",
            op=module_type(module),
            where=scope.path,
        )
    return y


def _forward(module: Module, x: Tensor, scope: Scope) -> Tensor:
    with x.tape.at(scope.path):
        try:
            return module.forward(x, scope)
        except OperandError as error:
            raise error.at(op=module_type(module), where=scope.path) from None
