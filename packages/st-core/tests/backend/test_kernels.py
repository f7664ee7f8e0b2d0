"""The table of kernels that plugins add."""

import pytest

from st.core.backend import KernelTable
from st.core.backend.kernels import DuplicateKernelError


def test_a_kernel_is_found_without_regard_to_case_and_gone_after_close():
    table = KernelTable()

    handle = table.register("snake", "OpenCL", "x + sin(x)")
    assert table.get("snake", "opencl") == "x + sin(x)"

    handle.close()
    handle.close()
    assert table.get("snake", "OpenCL") is None


def test_a_second_kernel_for_the_same_backend_is_refused():
    table = KernelTable()
    with table.register("snake", "numpy", 1):
        with pytest.raises(DuplicateKernelError, match="'snake' already has a kernel"):
            table.register("snake", "NumPy", 2)
        assert table.get("snake", "numpy") == 1


def test_every_change_is_visible_in_the_generation():
    table = KernelTable()
    seen = [table.generation]
    handle = table.register("a", "b", 1)
    seen.append(table.generation)
    handle.close()
    seen.append(table.generation)

    assert seen[0] < seen[1] < seen[2]
