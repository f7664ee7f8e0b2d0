"""The scope of a module while its `forward` runs on a tape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from st.nn.init import Initializer
from st.nn.modules.base import Module, Scope, module_type
from st.nn.modules.chain import bare, run_steps, steps
from st.nn.tape import OperandError, Tape, Tensor
from st.nn.variables import ParameterInfo, Variables


@dataclass(frozen=True)
class TapeScope:
    """The scope of a module while its `forward` runs on a tape. See `Scope`."""

    tape: Tape
    variables: Variables
    path: str
    training: bool

    def parameter(self, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """See `Scope.parameter`."""
        info = ParameterInfo(tuple(shape), self.variables.dtype, init)
        return self.variables.get(self.tape, f"{self.path}.{name}", info)

    def state(self, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """See `Scope.state`."""
        info = ParameterInfo(tuple(shape), self.variables.dtype, init, is_trained=False)
        return self.variables.get(self.tape, f"{self.path}.{name}", info)

    def assign(self, name: str, value: Tensor) -> None:
        """See `Scope.assign`."""
        if self.training:
            self.variables.assign(f"{self.path}.{name}", value, self.path)

    def random(self, shape: tuple[int, ...]) -> Tensor:
        """See `Scope.random`."""
        if not self.training:
            raise OperandError(
                "asked for random numbers in a prediction; draw only where scope.training is true"
            )
        return self.variables.draw(self.tape, tuple(shape))

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
