"""Every place where shapes clash, found in one pass over a description, without memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from st.core.backend import Spec, spec
from st.nn.explain import stays_whole
from st.nn.faults import Path
from st.nn.model import N_TRIAL, checked, parameter_dtype, trial
from st.nn.modules.base import Module
from st.nn.modules.chain import bare, run_steps
from st.nn.scope import TapeScope
from st.nn.tape import OperandError, Tape, Tensor
from st.nn.variables import Variables


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """A module that cannot take what comes before it; shapes are without the batch axis.

    Attributes:
        place: Index of the module, and from there the fields and indices to one inside it.
        path: The names that lead to it, as parameters have them.
        message: What it said.
        expected: The shape its fields ask for, or None when they ask nothing.
        given: The shape of its first input.
    """

    place: Path
    path: str
    message: str
    expected: tuple[int, ...] | None
    given: tuple[int, ...]


def check_shapes(
    modules: Sequence[tuple[str, Module | None]], input: Spec | None
) -> list[ShapeFault]:
    """Return every module that cannot take what comes before it, first to last.

    After a fault the check goes on with what the module says it accepts, or at the next one that
    says what it accepts.

    Args:
        modules: Name and module, in order; None for one that is not known.
        input: Spec of one example, or None when that is not known.
    """
    dtype = "float32" if input is None else parameter_dtype(input)
    scope = _CheckScope(Tape(supports=stays_whole), Variables(dtype), "", True)
    x = None if input is None else trial(scope.tape, input)
    # A module that is not known gives an output that is not known, whatever feeds it.
    scope.follow([(name, module or _Unknown()) for name, module in modules], x, ())
    return scope.faults


class _Unknown(Module, frozen=True):
    """Stands where a module could not be made."""


class _ToldError(OperandError):
    """A module inside has faults, which are told already; what comes out is not known."""


@dataclass(frozen=True)
class _CheckScope(TapeScope):
    """Notes faults instead of stopping at the first."""

    place: Path = ()
    faults: list[ShapeFault] = field(default_factory=list)

    def apply(self, name: str, module: Module, *inputs: Tensor) -> Tensor:
        y = self._attempt(name, module, inputs, (name,))
        if y is None:
            raise _ToldError("a fault inside")
        return y

    def outputs(
        self, named: Sequence[tuple[str, Module]], x: Tensor, *, is_chain: bool
    ) -> list[Tensor]:
        found = self.follow(named, x, ("modules",), is_chain=is_chain)
        known = [y for y in found if y is not None]
        if len(known) < len(found) and (not is_chain or found[-1] is None):
            raise _ToldError("a fault inside")
        return known

    def follow(
        self,
        named: Sequence[tuple[str, Module]],
        x: Tensor | None,
        below: Path,
        *,
        is_chain: bool = True,
    ) -> list[Tensor | None]:
        """Return what every module gives, None where that is not known."""
        numbers = iter(range(len(named)))

        def step(name: str, module: Module, inputs: Sequence[Tensor | None]) -> Tensor | None:
            return self._attempt(name, module, inputs, (*below, next(numbers)))

        return run_steps(named, x, step, is_chain=is_chain)

    def _attempt(
        self, name: str, module: Module, inputs: Sequence[Tensor | None], below: Path
    ) -> Tensor | None:
        module = bare(module)
        if isinstance(module, _Unknown):
            return None
        known = [x for x in inputs if x is not None]
        if len(known) < len(inputs):
            stated = module.accepts(spec((N_TRIAL, 1), "float32")) if len(inputs) == 1 else None
            if stated is None:
                return None
            known = [self.tape.new(stated)]
        inner = replace(self.child(name), place=(*self.place, *below))
        try:
            return checked(module, known, inner)
        except _ToldError:
            return None
        except OperandError as error:
            x = known[0].spec
            accepted = module.accepts(x) if len(known) == 1 else None
            expected = None if accepted is None or accepted is x else accepted.shape[1:]
            self.faults.append(
                ShapeFault(inner.place, inner.path, error.reason, expected, x.shape[1:])
            )
        return None if accepted is None or accepted is x else self._again(module, accepted, inner)

    def _again(self, module: Module, accepted: Spec, inner: _CheckScope) -> Tensor | None:
        """Return what a module gives for what it says it accepts, or None if it gives nothing."""
        # Parameters of another shape were perhaps declared on the way to the fault.
        fresh = replace(inner, variables=Variables(self.variables.dtype), faults=[])
        try:
            return checked(module, [self.tape.new(accepted)], fresh)
        except OperandError:
            return None
