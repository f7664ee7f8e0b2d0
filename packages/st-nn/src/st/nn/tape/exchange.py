"""Values exchanged with other array libraries through DLPack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from st.core.backend import DTYPES, Storage, View, spec
from st.core.errors import StError
from st.nn.tape.errors import DTypeError, NoValueError

if TYPE_CHECKING:
    from st.nn.tape.tape import Tape
    from st.nn.tape.tensor import Tensor


class HostMemoryError(StError, BufferError):
    """Memory cannot be shared: it is not the host's."""


def shared(value: Tensor) -> NDArray[Any]:
    """Return an array that shows the memory of `value` itself; writing to it changes the value.

    The memory stays as long as the array.

    Raises:
        HostMemoryError: The backend keeps values in memory of its own.
        NoValueError: The tape only writes calls down, or let go of the value.
    """
    backend = value.tape.backend
    if backend is None:
        raise NoValueError("this tape has no backend: its values are not computed")
    view = value.view
    buffer = value.tape.buffer(view.storage)
    backend.sync()
    if view.spec.size == 0:
        return np.empty(view.spec.shape, view.spec.dtype)
    size = DTYPES[view.spec.dtype]
    strides = tuple(size * stride for stride in view.strides)
    try:
        host = memoryview(buffer)
    except TypeError:
        raise HostMemoryError(
            f"{backend.name} keeps {value!r} in memory of its own: copy it with .numpy()"
        ) from None
    return np.ndarray(view.spec.shape, view.spec.dtype, host, size * view.offset, strides)


def from_dlpack(
    tape: Tape, external: Any, name: str = "input", *, copy: bool | None = None
) -> Tensor:
    """Return a value with the elements of an array of any library that speaks DLPack.

    Where the backend can use host memory, as NumPy's can, the value is that memory itself: nothing
    is copied, and whatever either side writes the other sees. The memory is held until the tape
    is closed and the value is gone, also when the library lets go of its array.

    Args:
        tape: A tape that runs its calls.
        external: What has `__dlpack__` and lies in host memory.
        name: For errors.
        copy: True makes a copy in any case, False refuses to; None copies where nothing else
            goes.

    Raises:
        HostMemoryError: It lies elsewhere, cannot be read, or cannot be used without a copy.
        DTypeError: It has an element type that there is not here.
        NoValueError: The tape only writes calls down.
    """
    try:
        # NumPy's own arrays need no capsule, which some versions refuse to make of read-only ones.
        array = external if isinstance(external, np.ndarray) else np.from_dlpack(external)
    except (BufferError, RuntimeError, AttributeError, TypeError) as error:
        raise HostMemoryError(
            f"{type(external).__name__} cannot be taken over through DLPack ({error}): "
            "bring it to host memory first"
        ) from error
    if str(array.dtype) not in DTYPES:
        raise DTypeError(f"{array.dtype} is not one of {', '.join(DTYPES)}; convert it first")
    if copy is not True:
        lent = _borrowed(tape, array, name)
        if lent is not None:
            return lent
        if copy is False:
            raise HostMemoryError(
                f"{array.dtype}{array.shape} cannot be used where it lies: let it be copied"
            )
    return tape.input(array, name)


def _borrowed(tape: Tape, array: NDArray[Any], name: str) -> Tensor | None:
    """Return a value that is the memory of `array`, or None where that cannot be."""
    size, backend = array.itemsize, tape.backend
    steps = [stride // size for stride in array.strides]
    is_whole = all(
        step >= 0 and step * size == s for step, s in zip(steps, array.strides, strict=True)
    )
    if backend is None or not (is_whole and array.size and array.flags.aligned):
        return None
    n = 1 + sum((length - 1) * step for length, step in zip(array.shape, steps, strict=True))
    flat = as_strided(array, (n,), (size,), writeable=array.flags.writeable)
    buffer = backend.borrow(flat.view(np.uint8).data)
    if buffer is None:
        return None
    view = View(Storage(n * size, "input", name), spec(array.shape, str(array.dtype)), tuple(steps))
    return tape.lent(view, buffer, is_read_only=not array.flags.writeable)
