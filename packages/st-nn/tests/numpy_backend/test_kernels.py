"""The NumPy backend passes the suite of all backends."""

from st.core.testing.backend import kernel_suite
from st.nn.numpy_backend import NumPyBackend

TestKernels = kernel_suite(NumPyBackend)
