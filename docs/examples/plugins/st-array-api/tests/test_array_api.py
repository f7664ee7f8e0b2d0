"""The backend does what every backend has to do, and is found by its manifest."""

import array_api_strict
from st_array_api import ArrayBackend

from st.core import Registry
from st.core.testing.backend import kernel_suite
from st.nn.testing.suite import operator_suite


def backend() -> ArrayBackend:
    return ArrayBackend(array_api_strict)


TestKernels = kernel_suite(backend)
TestOperators = operator_suite(backend)


def test_asking_for_the_backend_loads_the_plugin() -> None:
    with Registry() as registry:
        registry.discover()

        assert registry.get_service("backend.arrayapi").description == "array API, array_api_strict"
