"""A model: modules one after another, their parameters declared and their shapes known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Spec, Storage, dense, spec
from st.nn.explain import n_flops, stays_whole
from st.nn.flat import FlatLayout, layout
from st.nn.init import generator
from st.nn.limits import limits
from st.nn.modules.base import Module, Scope, module_type
from st.nn.modules.chain import bare
from st.nn.scope import TapeScope, forward
from st.nn.tape import FLOATS, ShapeError, Tape, Tensor
from st.nn.variables import ParameterInfo, Variables

N_TRIAL = 7
"""Length of the batch axis while shapes are found; a prime, so that it is mistaken for no other."""


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


@dataclass(frozen=True)
class _TrialScope(TapeScope):
    """Notes what every module is and gives, those that contain others before what they contain."""

    found: list[LayerInfo] = field(default_factory=list)
    depth: int = 0

    def apply(self, name: str, module: Module, *inputs: Tensor) -> Tensor:
        declared, at, first_call = self.variables.declared, len(self.found), len(self.tape.calls)
        inner = replace(self.child(name), depth=self.depth + 1)
        y = (checked if self.depth == 0 else forward)(bare(module), inputs, inner)
        own = [
            p for path, p in declared.items() if p.is_trained and path.startswith(f"{inner.path}.")
        ]
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
            OperandError: A module cannot take its input, or asks for random numbers in a
                prediction; names the module's path.
            ParameterConflictError: Modules ask for one name in two ways.
        """
        self.modules = tuple(modules)
        self.input = input
        self.name = name
        self.dtype = parameter_dtype(input)
        scope = _TrialScope(Tape(supports=stays_whole), Variables(self.dtype), "", True)
        entering = trial(scope.tape, input)
        x = self._through(entering, scope)
        self.parts = tuple(scope.found)
        """Every module, those inside others after what they are inside of."""
        self.layers = tuple(part for part in self.parts if part.depth == 0)
        self.output = spec(x.shape[1:], x.dtype)
        """Spec of one prediction, without the batch axis."""
        declared = scope.variables.declared
        self.parameters: Mapping[str, ParameterInfo] = _only(declared, is_trained=True)
        self.states: Mapping[str, ParameterInfo] = _only(declared, is_trained=False)
        """Running state: kept with the parameters, but not trained."""
        self.n_draws = scope.variables.n_draws
        """How often a training step draws random numbers."""
        self.limits = limits(scope.tape.calls, entering.view)
        """Tables that are looked up with numbers of the input."""
        self._check_prediction(declared)

    def initialise(self, seed: int) -> dict[str, NDArray[np.generic]]:
        """Return the first values of parameters and running state, by name.

        They are a function of seed, name and shape alone.
        """
        return {
            name: info.init(generator(seed, name), info.shape).astype(info.dtype)
            for name, info in {**self.parameters, **self.states}.items()
        }

    def layout(self, order: Iterable[str] | None = None) -> FlatLayout:
        """Return where each parameter lies in one flat vector; in their own order unless given."""
        names = self.parameters if order is None else order
        return layout({name: self.parameters[name].shape for name in names}, self.dtype)

    def running_layout(self) -> FlatLayout:
        """Return where each running state lies in one flat vector."""
        return layout({name: p.shape for name, p in self.states.items()}, self.dtype)

    def forward(self, x: Tensor, variables: Variables, *, training: bool) -> Tensor:
        """Return the prediction for `x` `(batch, *input)`; see `Variables` for the rest."""
        return self._through(x, TapeScope(x.tape, variables, "", training))

    def _through(self, x: Tensor, scope: TapeScope) -> Tensor:
        return scope.outputs(self.modules, x, is_chain=True)[-1] if self.modules else x

    def _check_prediction(self, declared: Mapping[str, ParameterInfo]) -> None:
        """Run once more as a prediction; it may need no more, and gives the same shape."""
        views = {
            name: dense(Storage(of.nbytes, "state", name), of)
            for name, of in ((n, spec(p.shape, p.dtype)) for n, p in declared.items())
        }
        tape = Tape(supports=stays_whole)
        y = self.forward(trial(tape, self.input), Variables(self.dtype, views), training=False)
        if spec(y.shape[1:], y.dtype) is not self.output:
            raise ShapeError(
                f"model {self.name!r} gives {self.output} in training and "
                f"{spec(y.shape[1:], y.dtype)} in prediction; both have to be the same"
            )


def _only(declared: Mapping[str, ParameterInfo], *, is_trained: bool) -> dict[str, ParameterInfo]:
    return {name: info for name, info in declared.items() if info.is_trained is is_trained}


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
