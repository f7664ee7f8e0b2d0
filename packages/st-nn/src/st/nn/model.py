"""A model: modules one after another, their parameters declared and their shapes known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Spec, Storage, View, dense, spec
from st.core.errors import StError
from st.nn.explain import n_flops
from st.nn.flat import FlatLayout, layout
from st.nn.init import Initializer, generator
from st.nn.modules.base import Module, Scope, module_type
from st.nn.modules.chain import bare, run_steps, steps
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
    """One module of a model; shapes are without the batch axis.

    Attributes:
        path: The names that lead to it: ``"2"``, or ``"2.gate"`` inside another module.
        module_type: Its type, as descriptions spell it.
        module: The module itself.
        output_shape: What it gives for one example.
        n_parameters: Numbers it learns, with those of the modules inside it.
        n_flops: Floating operations for one example, forward, with those inside.
        n_bytes: Size of what it gives for one example.
        depth: How many modules are around it.
    """

    path: str
    module_type: str
    module: Module
    output_shape: tuple[int, ...]
    n_parameters: int
    n_flops: int = 0
    n_bytes: int = 0
    depth: int = 0


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


@dataclass(frozen=True)
class TapeScope:
    """The scope of a module while its `forward` runs on a tape. See `Scope`."""

    tape: Tape
    parameters: Parameters
    path: str
    training: bool

    def parameter(self, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """See `Scope.parameter`."""
        return self.parameters.get(self.tape, f"{self.path}.{name}", shape, init)

    def child(self, name: str) -> Self:
        """See `Scope.child`."""
        return replace(self, path=f"{self.path}.{name}" if self.path else name)

    def apply(self, name: str, module: Module, *inputs: Tensor) -> Tensor:
        """See `Scope.apply`."""
        return forward(bare(module), inputs, self.child(name))

    def chain(self, modules: Sequence[Module], x: Tensor) -> Tensor:
        """See `Scope.chain`."""
        return self.outputs(steps(modules), x, is_chain=True)[-1] if modules else x

    def each(self, modules: Sequence[Module], x: Tensor) -> list[Tensor]:
        """See `Scope.each`."""
        return self.outputs(steps(modules), x, is_chain=False)

    def outputs(
        self, named: Sequence[tuple[str, Module]], x: Tensor, *, is_chain: bool
    ) -> list[Tensor]:
        """Return what every module gives; see `run_steps`."""
        return run_steps(
            named, x, lambda name, module, xs: self.apply(name, module, *xs), is_chain=is_chain
        )


@dataclass(frozen=True)
class _TrialScope(TapeScope):
    """Notes what every module is and gives, those that contain others before what they contain."""

    found: list[LayerInfo]
    depth: int = 0

    def apply(self, name: str, module: Module, *inputs: Tensor) -> Tensor:
        declared, at, first_call = self.parameters.declared, len(self.found), len(self.tape.calls)
        inner = replace(self.child(name), depth=self.depth + 1)
        y = (checked if self.depth == 0 else forward)(bare(module), inputs, inner)
        own = [p for path, p in declared.items() if path.startswith(f"{inner.path}.")]
        info = LayerInfo(
            inner.path,
            module_type(bare(module)),
            bare(module),
            y.shape[1:],
            sum(prod(p.shape) for p in own),
            sum(map(n_flops, self.tape.calls[first_call:])) // N_TRIAL,
            y.spec.nbytes // N_TRIAL,
            self.depth,
        )
        self.found.insert(at, info)
        return y


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
        self.dtype = parameter_dtype(input)
        scope = _TrialScope(Tape(), Parameters(self.dtype), "", True, [])
        x = trial(scope.tape, input)
        if self.modules:
            x = scope.outputs(self.modules, x, is_chain=True)[-1]
        self.parts = tuple(scope.found)
        """Every module, those inside others after what they are inside of."""
        self.layers = tuple(part for part in self.parts if part.depth == 0)
        self.output = spec(x.shape[1:], x.dtype)
        """Spec of one prediction, without the batch axis."""
        self.parameters: Mapping[str, ParameterInfo] = scope.parameters.declared

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
        scope = TapeScope(x.tape, Parameters(self.dtype, views), "", training)
        if self.modules:
            x = scope.outputs(self.modules, x, is_chain=True)[-1]
        return x, scope.parameters.tensors


def parameter_dtype(input: Spec) -> str:
    """Return the floating type of the parameters of a model for `input`."""
    return input.dtype if input.dtype in FLOATS else "float32"


def trial(tape: Tape, input: Spec) -> Tensor:
    """Return a batch without memory, of examples of `input`."""
    return tape.new(spec((N_TRIAL, *input.shape), input.dtype), role="input", name="x")


def checked(module: Module, inputs: Sequence[Tensor], scope: Scope) -> Tensor:
    """Return what `forward` does; it has to begin with the batch axis of a trial.

    Raises:
        OperandError: The module cannot take the inputs; names type and path.
    """
    y = forward(module, inputs, scope)
    if y.shape[:1] != (N_TRIAL,):
        raise ShapeError(
            f"the output {y.shape} does not begin with the batch axis",
            op=module_type(module),
            where=scope.path,
        )
    return y


def forward(module: Module, inputs: Sequence[Tensor], scope: Scope) -> Tensor:
    """Return what a module gives for `inputs`; its calls carry the path of `scope`.

    Raises:
        OperandError: The module cannot take them; names type and path.
    """
    with inputs[0].tape.at(scope.path):
        try:
            return module.join(inputs, scope)
        except OperandError as error:
            raise error.at(op=module_type(module), where=scope.path) from None
