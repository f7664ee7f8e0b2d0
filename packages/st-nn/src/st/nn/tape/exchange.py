"""Values exchanged with other array libraries through DLPack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import DTYPES
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


def from_dlpack(tape: Tape, external: Any, name: str = "input") -> Tensor:
    """Return a value that holds a copy of an array of any library that speaks DLPack.

    Args:
        tape: A tape that runs its calls.
        external: What has `__dlpack__` and lies in host memory.
        name: For errors.

    Raises:
        HostMemoryError: It lies elsewhere, or cannot be read.
        DTypeError: It has an element type that there is not here.
    """
    try:
        array = np.from_dlpack(external)
    except (BufferError, RuntimeError, AttributeError, TypeError) as error:
        raise HostMemoryError(
            f"{type(external).__name__} cannot be taken over through DLPack ({error}): "
            "bring it to host memory first"
        ) from error
    if str(array.dtype) not in DTYPES:
        raise DTypeError(f"{array.dtype} is not one of {', '.join(DTYPES)}; convert it first")
    return tape.input(array, name)
