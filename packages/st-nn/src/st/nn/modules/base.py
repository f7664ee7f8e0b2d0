"""What a module is: typed fields, and `forward`.

A module of one's own in ten lines:

    >>> from st.nn import init, ops
    >>> from st.nn.modules.base import Module, Scope
    >>> from st.nn.tape import Tensor
    >>> class Scale(Module, frozen=True):
    ...     start: float = 1.0
    ...
    ...     def forward(self, x: Tensor, scope: Scope) -> Tensor:
    ...         return x * scope.parameter("scale", x.shape[1:], init.Constant(self.start))
    >>> Scale(start=2.0)
    Scale(start=2.0)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from st.core.backend import Spec
from st.nn.init import Initializer
from st.nn.tape import ShapeError, Tensor


class Scope(Protocol):
    """What `forward` gets beside its input: where it is in the model, and what it keeps there."""

    @property
    def path(self) -> str:
        """Where the module is, for example ``"2"`` or ``"2.gate"``."""

    @property
    def training(self) -> bool:
        """Whether this is a training step; false for predictions."""

    def parameter(self, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """Return the module's parameter `name`, of the model's floating type.

        The first forward declares it: its shape, and how it starts. Asking again gives the same
        tensor.
        """

    def state(self, name: str, shape: tuple[int, ...], init: Initializer) -> Tensor:
        """Return the module's running state `name`: kept with the parameters, but not trained.

        Declared like a parameter. In training it is what `assign` made of it, or still the value
        that the step began with.
        """

    def assign(self, name: str, value: Tensor) -> None:
        """Let running state have another value from now on; without effect in predictions.

        Memory changes at the end of the step: derivatives see the value that the step began with.
        """

    def random(self, shape: tuple[int, ...]) -> Tensor:
        """Return random uint64 words of `shape`, in training alone.

        Every call draws others. They depend on the run's seed and on the number of the step, so a
        run that is resumed draws the same.

        Raises:
            OperandError: This is a prediction.
        """

    def child(self, name: str) -> Scope:
        """Return the scope of a module inside this one."""

    def apply(self, name: str, module: Module, *inputs: Tensor) -> Tensor:
        """Return what a module inside this one gives; its calls carry its own path."""

    def chain(self, modules: Sequence[Module], x: Tensor) -> Tensor:
        """Return what the last of `modules` gives, each fed by the one before it; x for none.

        Faults are reported at the field ``modules``, which is how the container calls them.
        """

    def each(self, modules: Sequence[Module], x: Tensor) -> list[Tensor]:
        """Return what every one of `modules` gives for `x`; see `chain`."""


class Module(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of modules: the fields are the schema of experiment files, `forward` is the rest.

    Modules are values without parameters in them. `forward` runs once with shapes alone, before
    anything is allocated: what it raises there is reported with the module's path. A field of type
    `Module` or ``tuple[Module, ...]`` holds modules, which descriptions nest in the same grammar.
    No field is called ``type``, ``name`` or ``inputs``: every description may say those.
    """

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        """Return the output for `x`, whose axis 0 is the batch.

        Raises:
            ShapeError: `x` has a shape this module cannot take.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def join(self, inputs: Sequence[Tensor], scope: Scope) -> Tensor:
        """Return the output for all `inputs`; unless a module overrides this, it takes one.

        Raises:
            ShapeError: There are several.
        """
        if len(inputs) != 1:
            raise ShapeError(f"takes one input, given {len(inputs)}; merge them first")
        return self.forward(inputs[0], scope)

    def accepts(self, given: Spec) -> Spec | None:
        """Return the spec nearest to `given` that the fields ask for, None when they ask nothing.

        It lets checks go on after a fault, and says what was expected.
        """
        return None


def module_type(module: Module) -> str:
    """Return the name of a module's type, as experiment files spell it.

    >>> module_type(Module())
    'module'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(module).__name__).lower()
