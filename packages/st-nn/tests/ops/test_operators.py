"""Every operator on the NumPy backend: results, gradients, plans."""

from st.nn.numpy_backend import NumPyBackend
from st.nn.testing.suite import operator_suite

TestOperators = operator_suite(NumPyBackend)
TestOperatorsInSinglePrecision = operator_suite(NumPyBackend, "float32")
