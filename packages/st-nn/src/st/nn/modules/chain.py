"""How modules feed each other: one after another, or each the same; and what is fed by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from st.nn.modules.base import Module, Scope
from st.nn.tape import ShapeError, Tensor

INPUT = "input"
"""The name of what enters a list of modules; no module of the list is called so."""

T = TypeVar("T")


class Named(Module, frozen=True):
    """A module with a name in its list, or fed by others than the one before it.

    Descriptions say ``name`` and ``inputs`` beside the module's own fields; this is what becomes
    of them. The name is the module's step in the names of parameters.
    """

    module: Module
    name: str = ""
    inputs: tuple[str, ...] = ()

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """See `Module.forward`."""
        return self.module.forward(x, scope)


def bare(module: Module) -> Module:
    """Return a module without its name."""
    return module.module if isinstance(module, Named) else module


def steps(modules: Sequence[Module]) -> list[tuple[str, Module]]:
    """Return each module with its name: the one given, else its number from 0."""
    return [
        (module.name if isinstance(module, Named) and module.name else str(number), module)
        for number, module in enumerate(modules)
    ]


def run_steps(
    steps: Sequence[tuple[str, Module]],
    x: T,
    apply: Callable[[str, Module, Sequence[T]], T],
    *,
    is_chain: bool,
) -> list[T]:
    """Apply modules in their order and return every output.

    Args:
        steps: Name and module.
        x: What enters the list.
        apply: Gives the output of a module for its inputs.
        is_chain: Whether a module is fed by the one before it unless it says otherwise; else all
            are fed by `x`.

    Raises:
        ShapeError: A module is to be fed by a name that no module before it has.
    """
    known = {INPUT: x}
    outputs: list[T] = []
    for name, module in steps:
        if isinstance(module, Named) and module.inputs:
            inputs = [_known(known, wanted) for wanted in module.inputs]
        else:
            inputs = [outputs[-1] if is_chain and outputs else x]
        outputs.append(apply(name, module, inputs))
        known[name] = outputs[-1]
    return outputs


def _known(known: Mapping[str, T], name: str) -> T:
    if name not in known:
        raise ShapeError(
            f"no module before this one is called {name!r}; there are {', '.join(known)}"
        )
    return known[name]
