"""The tape: writes down calls, and, when it has a backend, runs each as it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from st.core.backend import (
    DTYPES,
    SIGNATURES,
    Backend,
    Buffer,
    Call,
    Const,
    Role,
    Spec,
    Storage,
    View,
    dense,
    spec,
)
from st.nn.tape.errors import (
    ForeignTensorError,
    NonFiniteError,
    NoValueError,
    OperandError,
    OperandTypeError,
    OverlapError,
    ShapeError,
)
from st.nn.tape.operator import Applied, Attrs, Operator, Vjp, operators
from st.nn.tape.tensor import Tensor
from st.nn.tape.views import overlap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Tape:
    """Calls in the order they were made. Used by one thread.

    With a backend it also runs each call as it is made, without one it only writes them down:

    - `Tape()` infers shapes,
    - `Tape(supports=backend.supports)` records for a backend (what that has no kernel for is
      decomposed),
    - `Tape(backend)` is eager.

    `memory` holds the buffers of storages made elsewhere (states and inputs) for an eager tape.
    With `check_finite` an eager tape reads back every floating value, and raises NonFiniteError
    at the first that is NaN or infinite: slow, and exact about where it began.
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        supports: Callable[[Call], bool] | None = None,
        memory: Mapping[Storage, Buffer] | None = None,
        check_finite: bool = False,
    ) -> None:
        self.backend = backend
        self.check_finite = check_finite
        self.calls: list[Call] = []
        self.applied: list[Applied] = []
        self.constants: dict[Storage, NDArray[np.generic]] = {}
        """What to write into storages of fixed content before the first run."""
        self._constants: dict[object, View] = {}
        self.memory: dict[Storage, Buffer] = dict(memory or {})
        self.where = ""
        self._read_only: set[Storage] = set()
        self._supports = backend.supports if backend is not None else supports
        self._differentiable = True

    # -- values -----------------------------------------------------------------------------

    def tensor(self, view: View) -> Tensor:
        """Return a value for a view of a storage made elsewhere."""
        return Tensor(self, view)

    def new(self, of: Spec, *, role: Role = "temp", name: str = "") -> Tensor:
        """Return a dense value in a storage of its own, not yet written."""
        storage = Storage(of.nbytes, role, name)
        if self.backend is not None and role != "temp":
            self.memory[storage] = self.backend.alloc(of.nbytes)
        return Tensor(self, dense(storage, of))

    def constant(self, values: NDArray[Any], name: str = "constant") -> Tensor:
        """Return a value with fixed content; equal contents share one storage.

        `values` is kept: do not change it afterwards.
        """
        key = (values.shape, values.dtype.str, values.tobytes())
        view = self._constants.get(key)
        if view is not None:
            return Tensor(self, view)
        made = self.new(spec(values.shape, str(values.dtype)), role="state", name=name)
        self._constants[key] = made.view
        self.constants[made.view.storage] = values
        if self.backend is not None:
            self.write(made, values)
        return made

    def full(self, shape: Sequence[int], value: float | int | bool, dtype: str) -> Tensor:
        """Return a value of `shape` filled with `value`."""
        made = self.new(spec(shape, dtype))
        self.emit("copy", (Const(value, spec((), dtype)),), out=(made,))
        return made

    def input(self, values: NDArray[Any], name: str = "input") -> Tensor:
        """Return a value that holds a copy of `values`, on a tape that runs its calls."""
        made = self.new(spec(values.shape, str(values.dtype)), role="input", name=name)
        self.write(made, values)
        return made

    def lent(self, view: View, buffer: Buffer, *, is_read_only: bool) -> Tensor:
        """Return a value in memory that belongs to somebody else, on a tape that runs its calls."""
        self.memory[view.storage] = buffer
        if is_read_only:
            self._read_only.add(view.storage)
        if self.check_finite:
            _check_finite(self._values(view), view.storage.name, view.spec, self.where)
        return Tensor(self, view)

    def write(self, target: Tensor, values: NDArray[Any]) -> None:
        """Copy `values`, of the spec of `target` (dense), to the device.

        Raises:
            OperandError: The memory was lent for reading alone.
        """
        if self.backend is None:
            raise NoValueError("this tape has no backend: it only writes calls down")
        storage = target.view.storage
        self._check_writable([target])
        if self.check_finite:
            _check_finite(values, storage.name or "input", target.spec, self.where)
        self.backend.write(self.buffer(storage), memoryview(values.tobytes()), _start(target))

    def read(self, value: Tensor) -> NDArray[Any]:
        """Return a copy of a value, on a tape that runs its calls."""
        import numpy as np

        if self.backend is None:
            raise NoValueError("this tape has no backend: its values are not computed")
        if not value.view.is_dense:
            value = self.emit("copy", (value,))[0]
        out: NDArray[Any] = np.empty(value.shape, value.dtype)
        if out.size:
            into = out.reshape(-1).view(np.uint8).data
            self.backend.read(self.buffer(value.view.storage), into, _start(value))
        return out

    def buffer(self, storage: Storage) -> Buffer:
        """Return the memory of a storage, on a tape that runs its calls.

        Raises:
            NoValueError: It has none: it was let go of, or never written.
        """
        found = self.memory.get(storage)
        if found is None:
            name = f" {storage.name!r}" if storage.name else ""
            raise NoValueError(
                f"the value{name} has no memory on this tape: the tape was closed, or nothing was "
                "written there; make it on a tape that is open"
            )
        return found

    def close(self) -> None:
        """Let go of every buffer; values of this tape cannot be read or used any more."""
        self.memory.clear()
        self._constants.clear()
        self.applied.clear()

    # -- calls ------------------------------------------------------------------------------

    def emit(
        self,
        op: str,
        inputs: Sequence[Tensor | Const],
        attrs: Attrs | None = None,
        *,
        out: Sequence[Tensor] = (),
    ) -> tuple[Tensor, ...]:
        """Apply an operator.

        Args:
            op: Its name.
            inputs: Tensors of this tape, or constants.
            attrs: Its attributes.
            out: What to overwrite instead of new storages. Such a call has no derivative.

        Raises:
            OperandError: The operator does not take these operands (ShapeError, DTypeError,
                ForeignTensorError), or gave what is not finite (NonFiniteError).
            UnknownOperatorError: There is no such operator.
        """
        operator = operators.get(op)
        attrs = attrs or {}
        try:
            self._check_inputs(operator, inputs)
            made = operator.infer(tuple(x.spec for x in inputs), attrs)
            _check_out(op, inputs, made, out)
            self._check_writable(out)
        except OperandError as error:
            specs = [x.spec for x in inputs]
            raise error.at(op=op, specs=specs, where=self.where) from None
        outputs = tuple(out) or tuple(self.new(of) for of in made)
        call = Call(
            op,
            tuple(x if isinstance(x, Const) else x.view for x in inputs),
            tuple(y.view for y in outputs),
            tuple(attrs.items()),
            self.where,
        )
        if operator.decompose is None or self._runs_whole(operator, call):
            self._append(call)
        elif operator.vjp is None:
            return self._into(out, operator.decompose(tuple(inputs), attrs))
        else:
            with self.no_grad():
                parts = operator.decompose(tuple(inputs), attrs)
            # New values, so that one that is an input handed on stays apart from it.
            outputs = self._into(out, [Tensor(self, y.view) for y in parts])
        if not out and self._differentiable:
            self._note(op, operator.vjp, tuple(inputs), outputs, attrs)
        return outputs

    def look(
        self, of: Tensor, view: View, name: str, vjp: Vjp, attrs: Attrs | None = None
    ) -> Tensor:
        """Return another view of a value; no call is made, but the derivative goes through."""
        made = Tensor(self, view)
        if self._differentiable:
            self._note(name, vjp, (of,), (made,), attrs or {})
        return made

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Calls made inside carry the module path `where`."""
        before, self.where = self.where, where
        try:
            yield
        finally:
            self.where = before

    @contextmanager
    def no_grad(self) -> Iterator[None]:
        """No derivative goes through what is computed inside."""
        with self._differentiating(False):
            yield

    @contextmanager
    def with_grad(self) -> Iterator[None]:
        """Derivatives go through what is computed inside, also within `no_grad`."""
        with self._differentiating(True):
            yield

    @contextmanager
    def _differentiating(self, flag: bool) -> Iterator[None]:
        before, self._differentiable = self._differentiable, flag
        try:
            yield
        finally:
            self._differentiable = before

    def _note(
        self,
        name: str,
        vjp: Vjp | None,
        inputs: tuple[Tensor | Const, ...],
        outputs: tuple[Tensor, ...],
        attrs: Attrs,
    ) -> None:
        self.applied.append(Applied(name, vjp, inputs, outputs, attrs, self.where))

    def _append(self, call: Call) -> None:
        self.calls.append(call)
        if self.backend is not None:
            for view in call.outputs:
                if view.storage not in self.memory:
                    self.memory[view.storage] = self.backend.alloc(view.storage.nbytes)
            for x in call.inputs:
                if isinstance(x, View) and x.storage not in self.memory:
                    self.buffer(x.storage)
            self.backend.launch(call, self.memory)
            if self.check_finite:
                for view in call.outputs:
                    values = self._values(view)
                    _check_finite(values, call.op, view.spec, call.where)

    def _values(self, view: View) -> NDArray[Any]:
        """Return a copy of what a view shows, without writing a call."""
        import numpy as np

        data = bytearray(view.storage.nbytes)
        if self.backend is not None:
            self.backend.read(self.buffer(view.storage), memoryview(data))
        size = DTYPES[view.spec.dtype]
        if view.spec.size == 0:
            return np.empty(view.spec.shape, view.spec.dtype)
        strides = tuple(size * stride for stride in view.strides)
        return np.ndarray(view.spec.shape, view.spec.dtype, data, size * view.offset, strides)

    def _check_inputs(self, operator: Operator, inputs: Sequence[Tensor | Const]) -> None:
        if operator.arity is not None and len(inputs) != operator.arity:
            raise ShapeError(f"takes {operator.arity} inputs, got {len(inputs)}")
        for n, x in enumerate(inputs):
            if isinstance(x, Const):
                continue
            if not isinstance(x, Tensor):
                raise OperandTypeError(operator.name, x)
            if x.tape is not self:
                theirs, ours = (_named(tape.backend) for tape in (x.tape, self))
                raise ForeignTensorError(
                    f"input {n} lies on another tape ({theirs}, not {ours}); "
                    "bring it over with tape.input(x.numpy())"
                )

    def _check_writable(self, out: Sequence[Tensor]) -> None:
        for y in out:
            if y.view.storage in self._read_only:
                raise OperandError("the output lies in memory that may only be read; copy it first")

    def _runs_whole(self, operator: Operator, call: Call) -> bool:
        if self._supports is None or not self._supports(call):
            return False
        return operator.vjp is not None or not self._differentiable

    def _into(self, out: Sequence[Tensor], made: Sequence[Tensor]) -> tuple[Tensor, ...]:
        for y, x in zip(out, made, strict=bool(out)):
            self.emit("copy", (x,), out=(y,))
        return tuple(out) or tuple(made)


def _check_out(
    op: str, inputs: Sequence[Tensor | Const], made: Sequence[Spec], out: Sequence[Tensor]
) -> None:
    if not out or all(isinstance(x, Const) for x in inputs):
        return  # Constants have no shape of their own: they fill what they are given.
    for n, x in enumerate(inputs):
        for y in out:
            if isinstance(x, Tensor) and not _may_overwrite(op, n, x.view, y.view):
                raise OverlapError(
                    f"the output would overwrite input {n} while it is still read; "
                    "leave `out` away, or copy the input first"
                )
    if [y.spec for y in out] != list(made):
        given = ", ".join(str(y.spec) for y in out)
        raise ShapeError(f"makes {', '.join(map(str, made))}, not {given}")


def _may_overwrite(op: str, n: int, x: View, y: View) -> bool:
    """Whether output `y` may be written while input `n` of `op`, `x`, is read."""
    if x.storage is not y.storage or x.spec.size == 0 or y.spec.size == 0:
        return True
    if x == y:
        signature = SIGNATURES.get(op)
        return signature is not None and (
            signature.kind == "elementwise" or n in signature.in_place
        )
    return not overlap(x, y)


def _check_finite(values: NDArray[Any], name: str, of: Spec, where: str) -> None:
    import numpy as np

    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    n = int((~np.isfinite(values)).sum())
    first = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
    raise NonFiniteError(
        f"{n} of {values.size} values are not finite, the first is {values[first]} at {first}",
        op=name,
        specs=(of,),
        where=where,
    )


def _named(backend: Backend | None) -> str:
    return "recording" if backend is None else f"on {backend.name}"


def _start(value: Tensor) -> int:
    """Return the byte at which a dense value starts in its storage."""
    return value.view.offset * DTYPES[value.dtype]
