"""Values shared with NumPy and other libraries through DLPack."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from st.core.backend import Buffer, View
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import (
    DTypeError,
    HostMemoryError,
    NonFiniteError,
    NoValueError,
    OperandError,
    Tape,
    from_dlpack,
)

BACKEND = NumPyBackend()
DTYPES = ["float32", "float64", "int32", "int64", "uint32", "uint64", "bool"]


class Hidden:
    """Memory that is not the host's."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.data = data


class Device(NumPyBackend):
    """NumPy behind memory that hides itself."""

    name = "Device"

    def alloc(self, nbytes: int) -> Any:
        return Hidden(super().alloc(nbytes))

    def write(self, buffer: Buffer, data: memoryview, offset: int = 0) -> None:
        super().write(buffer.data, data, offset)

    def read(self, buffer: Buffer, out: memoryview, offset: int = 0) -> None:
        super().read(buffer.data, out, offset)

    def borrow(self, memory: memoryview) -> None:
        return None

    def operand(self, buffer: Buffer, view: View) -> NDArray[Any]:
        return super().operand(buffer.data, view)


@pytest.mark.parametrize("dtype", DTYPES)
def test_value_is_shared_without_a_copy(dtype: str) -> None:
    tape = Tape(BACKEND)
    x = tape.input((np.arange(24).reshape(2, 3, 4) % 2).astype(dtype))

    array = np.from_dlpack(x)
    tape.write(x, np.ones((2, 3, 4), dtype))

    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.ones((2, 3, 4)))


def test_view_is_shared_with_its_strides() -> None:
    tape = Tape(BACKEND)
    x = tape.input(np.arange(24.0).reshape(4, 6))

    array = np.from_dlpack(x[1:, ::2].T)

    np.testing.assert_array_equal(array, np.arange(24.0).reshape(4, 6)[1:, ::2].T)
    assert array.strides == (16, 48)


def test_value_is_shared_when_queued_work_is_done() -> None:
    waited = []

    class Queued(NumPyBackend):
        def sync(self) -> None:
            waited.append(True)

    np.from_dlpack(Tape(Queued()).input(np.zeros(3)))

    assert waited


def test_array_outlives_its_tape() -> None:
    tape = Tape(BACKEND)
    array = np.from_dlpack(tape.input(np.arange(3.0)))

    tape.close()
    del tape

    assert array.tolist() == [0, 1, 2]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)], ids=str)
def test_scalar_and_nothing_are_shared(shape: tuple[int, ...]) -> None:
    assert np.from_dlpack(Tape(BACKEND).input(np.zeros(shape))).shape == shape


def test_memory_of_a_device_is_refused_with_what_to_do() -> None:
    x = Tape(Device()).input(np.arange(3.0))

    with pytest.raises(HostMemoryError, match=r"Device keeps .*float64\(3\).*\.numpy\(\)"):
        np.from_dlpack(x)
    assert x.numpy().tolist() == [0, 1, 2]


def test_recorded_value_has_nothing_to_share() -> None:
    with pytest.raises(NoValueError, match="not computed"):
        np.from_dlpack(Tape().constant(np.zeros(3)))


def test_array_of_any_library_is_taken_over_as_a_copy() -> None:
    given = np.arange(12.0).reshape(3, 4)[:, ::2]

    x = from_dlpack(Tape(BACKEND), given, copy=True)
    given[:] = 0

    np.testing.assert_array_equal(x.numpy(), [[0, 2], [4, 6], [8, 10]])
    np.testing.assert_array_equal((x * 2.0).numpy(), [[0, 4], [8, 12], [16, 20]])


class Foreign:
    """An array of another library, of which nothing is known but DLPack."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("wrap", [lambda array: array, Foreign], ids=["numpy", "foreign"])
@pytest.mark.parametrize(
    "part",
    [
        lambda x: x,
        lambda x: x.T,
        lambda x: x[1:, ::2],
        lambda x: x[2],
        lambda x: x[1:2, 3:4],
        lambda x: as_strided(x, (3, 6), (0, 8)),
    ],
    ids=["whole", "transposed", "sliced", "row", "one", "repeated"],
)
def test_array_of_any_library_is_used_where_it_lies(wrap: Any, part: Any) -> None:
    whole = np.arange(24.0).reshape(4, 6)
    given = part(whole)

    x = from_dlpack(Tape(BACKEND), wrap(given), copy=False)
    whole += 100

    np.testing.assert_array_equal(x.numpy(), part(whole))
    np.testing.assert_array_equal((x * 2.0).numpy(), part(whole) * 2)


def test_memory_lives_as_long_as_the_value() -> None:
    array = np.arange(1000.0)
    x = from_dlpack(Tape(BACKEND), array, copy=False)
    gone = weakref.ref(array)

    del array
    assert ops.sum(x).item() == 499_500
    del x
    gc.collect()

    assert gone() is None


def test_value_may_be_written_where_it_was_lent() -> None:
    array = np.arange(3.0)
    tape = Tape(BACKEND)
    x = from_dlpack(tape, array)

    ops.neg(x, out=x)

    assert array.tolist() == [0, -1, -2]


def test_memory_that_may_only_be_read_is_not_written() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    tape = Tape(BACKEND)
    x = from_dlpack(tape, array, copy=False)

    with pytest.raises(OperandError, match=r"neg: the output lies in memory that may only be read"):
        ops.neg(x, out=x)
    with pytest.raises(OperandError, match="may only be read; copy it first"):
        tape.write(x, np.zeros(3))
    assert ops.sum(x).item() == 3


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0)[::-1],
        np.zeros((2, 0)),
        np.frombuffer(b"\0" * 17, np.uint8)[1:].view(np.float64),
        np.zeros(3, [("a", "i4"), ("b", "f8")])["b"],
    ],
    ids=["backwards", "empty", "unaligned", "between"],
)
def test_array_whose_memory_cannot_be_used_is_copied_unless_forbidden(array: Any) -> None:
    assert from_dlpack(Tape(BACKEND), array).numpy().tolist() == array.tolist()
    with pytest.raises(HostMemoryError, match=r"cannot be used where it lies"):
        from_dlpack(Tape(BACKEND), array, copy=False)


def test_memory_of_the_host_is_copied_to_a_device() -> None:
    array = np.arange(3.0)

    x = from_dlpack(Tape(Device()), array)
    array[:] = 0

    assert x.numpy().tolist() == [0, 1, 2]
    with pytest.raises(HostMemoryError, match=r"float64\(3,\) cannot be used where it lies"):
        from_dlpack(Tape(Device()), array, copy=False)


def test_values_that_are_not_finite_are_found_where_they_lie() -> None:
    with pytest.raises(NonFiniteError, match=r"given: 1 of 2 values are not finite"):
        from_dlpack(Tape(BACKEND, check_finite=True), np.array([1.0, np.inf]), "given")


def test_value_passes_from_tape_to_tape() -> None:
    x = Tape(BACKEND).input(np.arange(3.0))
    other = Tape(Device())

    assert ops.sum(from_dlpack(other, x)).item() == 3.0


def test_type_that_is_not_here_is_refused() -> None:
    with pytest.raises(DTypeError, match="float16 is not one of float32"):
        from_dlpack(Tape(BACKEND), np.zeros(3, np.float16))


def test_what_speaks_no_dlpack_is_refused() -> None:
    with pytest.raises(HostMemoryError, match="list cannot be taken over"):
        from_dlpack(Tape(BACKEND), [1, 2])


def test_numpy_takes_the_values_whole() -> None:
    x = Tape(BACKEND).input(np.arange(4.0).reshape(2, 2))

    assert np.asarray(x).dtype == np.float64
    assert np.array(x, np.int64).tolist() == [[0, 1], [2, 3]]
