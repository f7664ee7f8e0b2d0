"""What every backend has to do, as tests: one line in a backend's own test file.

    from st.core.testing.backend import kernel_suite

    TestKernels = kernel_suite(MyBackend)

Every operator of `REQUIRED` is compared with float64 NumPy (integers with Python's) on dense,
empty, scalar, transposed, sliced, broadcast and large operands, with NaN and infinities, in place,
and with indices out of range; random words have to be those of NumPy's Philox. Memory, plans,
errors and threads are checked beside them.
Needs the extra ``st-core[testing]``.
"""

from st.core.testing.backend.case import Case
from st.core.testing.backend.suite import case_suite, kernel_cases, kernel_suite

__all__ = ["Case", "case_suite", "kernel_cases", "kernel_suite"]
