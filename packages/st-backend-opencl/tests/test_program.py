"""Programs: built once, kept on disk, rebuilt when what is kept is of no use, quoted when wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.backend.opencl import BinaryCache, Device, OpenCLBackend
from st.backend.opencl.program import BuildError
from st.backend.opencl.source import KernelSource
from st.core.backend import BackendError, Call, Storage, dense, spec


def double(backend: OpenCLBackend, n: int) -> list[float]:
    """Return 0, 2, 4, ... computed on the device."""
    x, y = (dense(Storage(4 * n, "state"), spec((n,), "float32")) for _ in range(2))
    memory = {view.storage: backend.alloc(4 * n) for view in (x, y)}
    backend.write(memory[x.storage], memoryview(np.arange(n, dtype="f4").tobytes()))
    backend.launch(Call("add", (x, x), (y,)), memory)
    made = bytearray(4 * n)
    backend.read(memory[y.storage], memoryview(made))
    return list(np.frombuffer(made, "f4"))


def test_second_shape_builds_no_new_program(cold: OpenCLBackend) -> None:
    double(cold, 3)
    n_made = cold.runtime.programs.n_made

    double(cold, 1000)

    assert (n_made, cold.runtime.programs.n_made) == (1, 1)


def test_second_process_takes_the_program_from_the_cache(
    cold: OpenCLBackend, device: Device, tmp_path: Path
) -> None:
    double(cold, 3)

    again = OpenCLBackend(device, cache=BinaryCache(tmp_path / "programs"))

    assert double(again, 3) == [0, 2, 4]
    assert (cold.runtime.programs.n_compiled, again.runtime.programs.n_compiled) == (1, 0)


@pytest.mark.parametrize("binary", [b"", b"damaged long ago"], ids=["empty", "nonsense"])
def test_binary_the_driver_refuses_is_built_anew_and_replaced(
    cold: OpenCLBackend, device: Device, tmp_path: Path, binary: bytes
) -> None:
    cache = BinaryCache(tmp_path / "programs")
    double(cold, 3)
    (file,) = (tmp_path / "programs").iterdir()
    cache.store(file.stem, binary)

    again = OpenCLBackend(device, cache=cache)

    assert double(again, 3) == [0, 2, 4]
    assert again.runtime.programs.n_compiled == 1
    assert len(cache.load(file.stem) or b"") > len(binary)


def test_damaged_file_is_built_anew(cold: OpenCLBackend, device: Device, tmp_path: Path) -> None:
    double(cold, 3)
    (file,) = (tmp_path / "programs").iterdir()
    file.write_bytes(file.read_bytes()[:-1])

    again = OpenCLBackend(device, cache=BinaryCache(tmp_path / "programs"))

    assert double(again, 3) == [0, 2, 4]
    assert again.runtime.programs.n_compiled == 1


BROKEN = KernelSource("add_float", ("elementwise",), (("KERNEL", "add_float"),), ("long8",))


def test_build_error_quotes_the_numbered_lines_at_fault(cold: OpenCLBackend) -> None:
    with pytest.raises(BuildError, match=r"kernel 'add_float' does not build on ") as caught:
        cold.runtime.programs.kernel(BROKEN)

    lines = caught.value.text.splitlines()
    quoted = [line for line in str(caught.value).splitlines() if line.startswith(">")]
    assert quoted
    for line in quoted:
        number, _, text = line.removeprefix(">").partition(" | ")
        assert lines[int(number) - 1] == text


def test_build_error_of_a_call_names_the_call(cold: OpenCLBackend) -> None:
    x = dense(Storage(4, "input"), spec((1,), "float32"))
    call = Call("add", (x, x), (x,), where="mlp.2")

    with pytest.raises(
        BackendError, match=r"OpenCL: Call\(add: .* at mlp\.2\): kernel 'add_float'"
    ):
        cold.runtime.launch(call, BROKEN, [], (1,))


def test_text_is_the_whole_key() -> None:
    first = KernelSource("k", ("elementwise",), (("N_INPUTS", "1"),), ())
    second = KernelSource("k", ("elementwise",), (("N_INPUTS", "2"),), ())

    assert first.text("cpu") != second.text("cpu") != second.text("gpu")


GOOD = KernelSource(
    "add_float",
    ("math", "elementwise"),
    (
        ("KERNEL", "add_float"),
        ("EXPRESSION(x)", "(x)"),
        ("N_INPUTS", "1"),
        ("OUT", "float"),
        ("A", "float"),
    ),
    ("long8", "buffer", "long", "long8", "buffer", "long", "long8"),
)
WRONG: dict[str, Any] = {
    "array for a buffer": (1, np.zeros(3, "f4")),
    "float for a long": (2, 1.5),
    "bool array for a long8": (3, np.zeros(8, bool)),
    "too many axes": (0, (1,) * 9),
    "floats for a long8": (0, (1.0,)),
}


@pytest.mark.parametrize(("place", "value"), WRONG.values(), ids=WRONG)
def test_wrong_argument_is_caught_before_the_driver(
    backend: OpenCLBackend, place: int, value: Any
) -> None:
    x = dense(Storage(4, "input"), spec((1,), "float32"))
    buffer = backend.alloc(4)
    arguments: list[Any] = [(1,) * 8, buffer, 0, (0,) * 8, buffer, 0, (0,) * 8]
    arguments[place] = value

    with pytest.raises(BackendError, match=f"takes a {GOOD.parameters[place]}, got "):
        backend.runtime.launch(Call("neg", (x,), (x,)), GOOD, arguments, (1, 1))


def test_missing_argument_is_caught_before_the_driver(backend: OpenCLBackend) -> None:
    x = dense(Storage(4, "input"), spec((1,), "float32"))

    with pytest.raises(BackendError, match="takes 7 arguments, got 1"):
        backend.runtime.launch(Call("neg", (x,), (x,)), GOOD, [(1,)], (1, 1))
