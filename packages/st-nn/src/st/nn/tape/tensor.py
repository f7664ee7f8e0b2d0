"""A value on a tape: a view of a storage. Python operators make calls, indexing makes views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from st.core.backend import Spec, View
from st.nn.tape import views
from st.nn.tape.arithmetic import apply
from st.nn.tape.errors import NoValueError, ShapeError
from st.nn.tape.operator import Applied, of_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from st.nn.tape.tape import Tape

Scalar = float | int | bool


class Tensor:
    """A window on memory that a tape knows. Made by `Tape` and by operators, never by hand."""

    __slots__ = ("tape", "view")
    __array_ufunc__ = None  # So that NumPy's arrays refuse to take part, and do not do it wrongly.

    def __init__(self, tape: Tape, view: View) -> None:
        self.tape = tape
        self.view = view

    @property
    def spec(self) -> Spec:
        """Shape and element type."""
        return self.view.spec

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis; empty for a scalar."""
        return self.view.spec.shape

    @property
    def dtype(self) -> str:
        """Element type, one of `st.core.backend.DTYPES`."""
        return self.view.spec.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.view.spec.shape)

    def reshape(self, *shape: int) -> Tensor:
        """Return the same elements in C order as `shape`; one axis may be -1.

        A view, except where the strides need a copy first.
        """
        new = views.resolve_shape(self.spec.size, shape)
        if new == self.shape:
            return self
        view = views.reshaped(self.view, new)
        if view is None:
            return apply("copy", self).reshape(*new)
        return self.tape.look(self, view, "reshape", of_one(_reshape))

    def transpose(self, *axes: int) -> Tensor:
        """Return a view with the axes in this order; without arguments, in reverse."""
        order = tuple(axis % self.ndim for axis in axes) or tuple(reversed(range(self.ndim)))
        view = views.transposed(self.view, order)
        return self.tape.look(self, view, "transpose", of_one(_transpose), {"axes": order})

    @property
    def T(self) -> Tensor:  # noqa: N802  (NumPy's name)
        """A view with the last two axes swapped."""
        if self.ndim < 2:
            raise ShapeError(f"a matrix is needed to swap its axes; got {self.spec}")
        n = self.ndim
        return self.transpose(*range(n - 2), n - 1, n - 2)

    def broadcast_to(self, shape: Sequence[int]) -> Tensor:
        """Return a view repeated to `shape` by NumPy's rules."""
        if tuple(shape) == self.shape:
            return self
        view = views.broadcast(self.view, tuple(shape))
        return self.tape.look(self, view, "broadcast", of_one(_broadcast))

    def __getitem__(self, index: Any) -> Tensor:
        parts = index if isinstance(index, tuple) else (index,)
        if Ellipsis in parts:
            at = parts.index(Ellipsis)
            n_whole = self.ndim - len(parts) + 1
            parts = (*parts[:at], *[slice(None)] * n_whole, *parts[at + 1 :])
        view = views.sliced(self.view, parts)
        return self.tape.look(self, view, "slice", of_one(_slice), {"index": parts})

    def detach(self) -> Tensor:
        """Return the same value; no derivative goes through what is made of it."""
        return Tensor(self.tape, self.view)

    def item(self) -> float | int | bool:
        """Return the one value as a Python number; only on a tape that runs its calls.

        Raises:
            ShapeError: There is not exactly one value.
            NoValueError: The tape only writes calls down.
        """
        if self.spec.size != 1:
            raise ShapeError(f"one value is needed; got {self.spec}")
        if self.tape.backend is None:
            raise NoValueError(
                "a tensor has no value while calls are only written down; choose with ops.where"
            )
        value: float | int | bool = self.numpy().item()
        return value

    def __bool__(self) -> bool:
        return bool(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar has no length")
        return self.shape[0]

    def numpy(self) -> NDArray[Any]:
        """Return a copy of the values; only on a tape that runs its calls."""
        return self.tape.read(self)

    def __add__(self, other: Tensor | Scalar) -> Tensor:
        return apply("add", self, other)

    def __radd__(self, other: Scalar) -> Tensor:
        return apply("add", other, self)

    def __sub__(self, other: Tensor | Scalar) -> Tensor:
        return apply("sub", self, other)

    def __rsub__(self, other: Scalar) -> Tensor:
        return apply("sub", other, self)

    def __mul__(self, other: Tensor | Scalar) -> Tensor:
        return apply("mul", self, other)

    def __rmul__(self, other: Scalar) -> Tensor:
        return apply("mul", other, self)

    def __truediv__(self, other: Tensor | Scalar) -> Tensor:
        return apply("div", self, other)

    def __rtruediv__(self, other: Scalar) -> Tensor:
        return apply("div", other, self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return a copy of the values for NumPy, which would else ask for them one by one."""
        return self.numpy().astype(dtype, copy=False) if dtype is not None else self.numpy()

    def __dlpack__(self, **options: Any) -> Any:
        """Share the values with a library that speaks DLPack, where they lie in host memory.

        Raises:
            HostMemoryError: They lie in a device's memory.
            NoValueError: They are not computed, or were let go of.
        """
        from st.nn.tape.exchange import shared

        return shared(self).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Say where the values lie, as DLPack does: in host memory."""
        return (1, 0)

    def __lt__(self, other: Tensor | Scalar) -> Tensor:
        return apply("compare", self, other, relation="lt")

    def __le__(self, other: Tensor | Scalar) -> Tensor:
        return apply("compare", self, other, relation="le")

    def __gt__(self, other: Tensor | Scalar) -> Tensor:
        return apply("compare", self, other, relation="gt")

    def __ge__(self, other: Tensor | Scalar) -> Tensor:
        return apply("compare", self, other, relation="ge")

    def __eq__(self, other: object) -> Any:
        """Compare element by element; with what is neither tensor nor number, by identity."""
        return self._related(other, "eq")

    def __ne__(self, other: object) -> Any:
        """Compare element by element; with what is neither tensor nor number, by identity."""
        return self._related(other, "ne")

    __hash__ = object.__hash__

    def _related(self, other: object, relation: str) -> Any:
        if not isinstance(other, Tensor | float | int):
            return NotImplemented
        return apply("compare", self, other, relation=relation)

    def __neg__(self) -> Tensor:
        return apply("neg", self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.tape.emit("matmul", (self, other))[0]

    def __repr__(self) -> str:
        return f"Tensor({self.spec})"


def unbroadcast(dy: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return `dy` summed over the axes along which `shape` was repeated to get its shape."""
    if dy.shape == shape:
        return dy
    extra = dy.ndim - len(shape)
    axes = tuple(
        axis
        for axis, length in enumerate(dy.shape)
        if axis < extra or (shape[axis - extra] == 1 and length != 1)
    )
    if axes:
        dy = dy.tape.emit("sum", (dy,), {"axes": axes})[0]
    return dy.reshape(*shape)


def _reshape(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [dy.reshape(*at.inputs[0].shape)]


def _transpose(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    axes = at.attrs["axes"]
    return [dy.transpose(*sorted(range(len(axes)), key=axes.__getitem__)) if axes else dy]


def _broadcast(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    return [unbroadcast(dy, at.inputs[0].shape)]


def _slice(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    attrs = {"shape": at.inputs[0].shape, "index": at.attrs["index"]}
    return dy.tape.emit("unslice", (dy,), attrs)
