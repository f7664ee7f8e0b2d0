"""The conformance suite of kernels, as what the device is and with the kernels of a GPU."""

from dataclasses import replace

from st.backend.opencl import OpenCLBackend, choose, find_devices
from st.core.testing.backend import kernel_suite

DEVICE = choose(find_devices())

TestKernels = kernel_suite(lambda: OpenCLBackend(DEVICE))

# Building kernels takes longer than running them: the texts differ by class, hardly by dtype.
TestKernelsOfGPUs = kernel_suite(
    lambda: OpenCLBackend(replace(DEVICE, kind="gpu")), ("float32", "int64", "uint64", "bool")
)
