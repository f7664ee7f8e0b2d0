"""Operators as a service: add one with its kernels, find them, run one on plain arrays.

>>> import numpy as np
>>> from st.core import Registry
>>> from st.nn.operator_registry import OPERATOR_REGISTRY
>>> with Registry(environ={}, allow=["st-nn"]) as plugins:
...     found = plugins.discover()
...     registry = plugins.get_service(OPERATOR_REGISTRY)
...     (y,) = registry.execute("cumsum", np.array([1, 2, 3]), axis=0, reverse=False)
...     (dx,) = registry.backward("tanh", [np.zeros(2)])
>>> y, dx
(array([1, 3, 6]), array([1., 1.]))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core import PluginContext, Registry, ServiceKey, StError
from st.core.backend import DTYPES, REQUIRED, Backend
from st.core.backend import kernels as kernel_table
from st.nn import ops
from st.nn.backends import choose_backend
from st.nn.tape import (
    FLOATS,
    DTypeError,
    OperandError,
    Operator,
    Tape,
    Tensor,
    UnknownOperatorError,
    gradients,
    operators,
)

Arrays = tuple[NDArray[Any], ...]


class NotRegisteredError(StError, LookupError):
    """An operator that was not added here cannot be taken away here."""


class OperatorRegistration:
    """Undoes one registration: the operator and its kernels. Closing twice does nothing."""

    def __init__(self, undo: ExitStack) -> None:
        self._undo = undo

    def close(self) -> None:
        """Take the operator and its kernels away; plans that were bound keep theirs."""
        self._undo.close()

    def __enter__(self) -> OperatorRegistration:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class OperatorRegistry:
    """Every operator of the process: the built-in ones and those that plugins add.

    Safe to call from any thread.
    """

    def __init__(self, registry: Registry) -> None:
        """Look for backends in `registry`."""
        self._registry = registry
        self._added: dict[str, OperatorRegistration] = {}
        self._lock = Lock()

    def register(
        self,
        operator: Operator,
        *,
        kernels: Mapping[str, object] | None = None,
        ctx: PluginContext | None = None,
    ) -> OperatorRegistration:
        """Add an operator, and kernels for it by the name of their backend, loaded or not.

        Args:
            operator: With `vjp` it has a derivative, with `decompose` it runs on every backend.
            kernels: What each backend documents: for NumPy a bind function.
            ctx: The plugin that adds it; unloading takes the operator away again.

        Returns:
            What takes the operator and its kernels away again.

        Raises:
            DuplicateOperatorError: The name is taken; built-in ones always are.
            DuplicateKernelError: A backend has a kernel of that name already.
        """
        with ExitStack() as stack:
            stack.callback(operators.register(operator).close)
            for backend, kernel in (kernels or {}).items():
                stack.callback(kernel_table.register(operator.name, backend, kernel).close)
            made = OperatorRegistration(stack.pop_all())
        with self._lock:
            self._added[operator.name] = made
        made._undo.callback(self._forget, operator.name, made)
        if ctx is not None:
            ctx.callback(made.close)
        return made

    def unregister(self, name: str) -> None:
        """Take away an operator that `register` added.

        Raises:
            NotRegisteredError: It was not added here: built-in ones stay.
        """
        made = self._added.get(name)
        if made is None:
            known = "is built in" if name in operators.names() else "is not known"
            raise NotRegisteredError(f"operator {name!r} {known}; only added ones can be removed")
        made.close()

    def get(self, name: str) -> Operator:
        """Return an operator.

        Raises:
            UnknownOperatorError: There is none of that name; names the nearest.
        """
        return operators.get(name)

    def list(self) -> tuple[str, ...]:
        """Return the name of every operator, sorted."""
        return operators.names()

    def find_by_backend(self, backend: str) -> tuple[str, ...]:
        """Return the operators that run on a backend, sorted; nothing is loaded.

        They are those every backend has, those it has a kernel for from a plugin, and those that
        can be decomposed.
        """
        return tuple(name for name in operators.names() if _runs_on(operators.get(name), backend))

    def execute(
        self, name: str, *inputs: NDArray[Any], backend: Backend | str = "numpy", **attrs: Any
    ) -> Arrays:
        """Return what an operator gives for arrays.

        Args:
            name: The operator.
            inputs: Its operands, of the shapes and types it takes: nothing is broadcast or cast.
            backend: Where it runs: a backend, or the name of one to load.
            attrs: The operator's attributes.

        Raises:
            UnknownOperatorError: There is none of that name.
            OperandError: The number, a shape or a type of the operands, or an attribute is wrong.
            BackendNotFoundError: Nobody offers the backend.
            UnsupportedOperatorError: The backend has no kernel, and there is no decomposition.
        """
        tape = Tape(self._backend(backend))
        return tuple(y.numpy() for y in _emit(tape, name, _on(tape, inputs), attrs))

    def backward(
        self,
        name: str,
        inputs: Sequence[NDArray[Any]],
        gradient: Sequence[NDArray[Any]] | None = None,
        *,
        backend: Backend | str = "numpy",
        **attrs: Any,
    ) -> tuple[NDArray[Any] | None, ...]:
        """Return the gradient of each input; None for those that are not floating.

        Args:
            name: The operator.
            inputs: Its operands; see `execute`.
            gradient: Gradients with respect to the outputs; ones when left out.
            backend: See `execute`.
            attrs: The operator's attributes.

        Raises:
            GradientError: The operator has no derivative.
            StError: As `execute`.
        """
        tape = Tape(self._backend(backend))
        given = _on(tape, inputs)
        made = _emit(tape, name, given, attrs)
        wanted = [x for x in given if x.dtype in FLOATS]
        total = _weighed(tape, name, made, gradient)
        found = dict(zip(map(id, wanted), gradients(total, wanted), strict=True))
        return tuple(_array(found.get(id(x)), x) if x.dtype in FLOATS else None for x in given)

    def _backend(self, backend: Backend | str) -> Backend:
        if isinstance(backend, str):
            return choose_backend(self._registry, backend).backend
        return backend

    def _forget(self, name: str, made: OperatorRegistration) -> None:
        with self._lock:
            if self._added.get(name) is made:
                del self._added[name]


def _runs_on(operator: Operator, backend: str) -> bool:
    return (
        operator.name in REQUIRED
        or operator.decompose is not None
        or kernel_table.get(operator.name, backend) is not None
    )


def _on(tape: Tape, inputs: Sequence[NDArray[Any]]) -> list[Tensor]:
    arrays = [np.asarray(x) for x in inputs]
    for n, array in enumerate(arrays):
        if str(array.dtype) not in DTYPES:
            raise DTypeError(f"input {n} is {array.dtype}, not one of {', '.join(DTYPES)}")
    return [tape.input(array) for array in arrays]


def _emit(
    tape: Tape, name: str, inputs: Sequence[Tensor], attrs: Mapping[str, Any]
) -> tuple[Tensor, ...]:
    try:
        return tape.emit(name, inputs, attrs)
    except UnknownOperatorError:
        raise
    except KeyError as missing:
        raise OperandError(f"needs the attribute {missing}", op=name) from None


def _weighed(
    tape: Tape, name: str, made: Sequence[Tensor], gradient: Sequence[NDArray[Any]] | None
) -> Tensor:
    """Return the sum of the floating outputs, each times its gradient."""
    floating = [y for y in made if y.dtype in FLOATS]
    if gradient is None:
        weights = [np.ones(y.shape, y.dtype) for y in floating]
    else:
        weights = [np.asarray(dy, y.dtype) for dy, y in zip(gradient, floating, strict=False)]
    if [dy.shape for dy in weights] != [y.shape for y in floating] or not floating:
        expected = ", ".join(str(y.spec) for y in floating) or "a floating output"
        raise OperandError(f"takes gradients for {expected}", op=name)
    total = tape.full((), 0.0, floating[0].dtype)
    for y, dy in zip(floating, weights, strict=True):
        total = total + ops.sum(y * tape.constant(dy))
    return total


def _array(gradient: Tensor | None, x: Tensor) -> NDArray[Any]:
    return np.zeros(x.shape, x.dtype) if gradient is None else gradient.numpy()


OPERATOR_REGISTRY: ServiceKey[OperatorRegistry] = ServiceKey("operator_registry")
"""The service under which the plugin ``nn`` offers the registry of operators."""
