"""What an operator is, and the table of all that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from st.core.backend import SIGNATURES, Spec, kernels
from st.core.nearest import did_you_mean
from st.nn.tape.errors import DuplicateOperatorError, UnknownOperatorError

if TYPE_CHECKING:
    from st.nn.tape.tensor import Tensor

Attrs = Mapping[str, Any]
Infer = Callable[[tuple[Spec, ...], Attrs], tuple[Spec, ...]]
Vjp = Callable[["Applied", "tuple[Tensor | None, ...]"], "Sequence[Tensor | None]"]
Decompose = Callable[["tuple[Any, ...]", Attrs], "Sequence[Tensor]"]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator by name: what it makes, how it is derived, what it is made of.

    `infer` gives the specs of the outputs from those of the inputs, or raises ShapeError or
    DTypeError with a reason (the tape adds name, operands and place). `vjp` gives the gradient of
    each input (None: no gradient) from those of the outputs (None: not used), written in
    operators, so that one derivative serves every backend. `decompose` writes the operator in
    others, for backends without a kernel; without `vjp` the gradient goes through it. `arity` is
    the number of inputs; None lets `infer` decide.
    """

    name: str
    infer: Infer
    vjp: Vjp | None = None
    decompose: Decompose | None = None
    arity: int | None = None


@dataclass(slots=True, eq=False)
class Applied:
    """One operator applied on a tape: what a `vjp` may look at."""

    name: str
    vjp: Vjp | None
    inputs: tuple[Any, ...]
    outputs: tuple[Tensor, ...]
    attrs: Attrs
    where: str
    wanted: tuple[bool, ...] = ()
    """For each input whether its gradient is wanted; a `vjp` may skip the others."""


def of_one(vjp: Callable[[Applied, Tensor], Sequence[Tensor | None]]) -> Vjp:
    """Return the `vjp` of an operator with one output, given as a function of its gradient."""

    def whole(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
        (only,) = dy
        return [] if only is None else vjp(at, only)

    return whole


class OperatorTable:
    """Operators by name. Reading takes no lock; any thread may register."""

    def __init__(self) -> None:
        self._operators: dict[str, Operator] = {}
        self._lock = Lock()
        self.generation = 0
        """Grows with every change."""

    def register(self, operator: Operator) -> OperatorHandle:
        """Add an operator; the handle's `close` is the inverse.

        Raises:
            DuplicateOperatorError: There is one of that name; built-in names are never replaced.
        """
        signature = SIGNATURES.get(operator.name)
        if signature is not None and operator.arity is None:
            operator = replace(operator, arity=signature.n_inputs)
        with self._lock:
            if operator.name in self._operators:
                raise DuplicateOperatorError(
                    f"there is an operator {operator.name!r} already; choose another name"
                )
            self._operators = {**self._operators, operator.name: operator}
            self.generation += 1
        return OperatorHandle(self, operator)

    def get(self, name: str) -> Operator:
        """Return the operator of that name.

        Raises:
            UnknownOperatorError: There is none; names the nearest.
        """
        found = self._operators.get(name)
        if found is None:
            # Built-in operators come with their modules; whoever has only a tape needs them too.
            import_module("st.nn.ops")
            found = self._operators.get(name)
        if found is None:
            hint = did_you_mean(name, self._operators)
            raise UnknownOperatorError(f"no operator is called {name!r}{hint}")
        return found

    def names(self) -> tuple[str, ...]:
        """Return every name, sorted."""
        return tuple(sorted(self._operators))

    def _remove(self, operator: Operator) -> None:
        with self._lock:
            if self._operators.get(operator.name) is operator:
                self._operators = {k: v for k, v in self._operators.items() if v is not operator}
                self.generation += 1


class OperatorHandle:
    """Undoes one registration. Closing twice does nothing."""

    def __init__(self, table: OperatorTable, operator: Operator) -> None:
        self._table = table
        self._operator = operator

    def close(self) -> None:
        """Take the operator out of the table."""
        self._table._remove(self._operator)


operators = OperatorTable()
"""The process's table; `st.nn.ops` fills it, plugins add to it."""


def vocabulary() -> tuple[int, int]:
    """Return what changes whenever an operator or a kernel comes or goes.

    A plan is recorded in the vocabulary of its time; whoever keeps one compares.
    """
    return operators.generation, kernels.generation
