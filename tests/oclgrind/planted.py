"""Kernels with one fault each, so that an empty log of the checker means something.

python planted.py race|overflow|uninitialised
"""

import sys

import numpy as np
import pyopencl as cl

KERNELS = {
    "race": """
        __kernel void planted(__global int *out) {
          __local int shared[4];
          shared[0] = get_local_id(0);
          out[get_global_id(0)] = shared[0];
        }""",
    "overflow": """
        __kernel void planted(__global int *out) {
          out[get_global_id(0) + 1] = 1;
        }""",
    "uninitialised": """
        __kernel void planted(__global int *out) {
          int numbers[4];
          numbers[0] = 1;
          out[get_global_id(0)] = numbers[get_global_id(0)];
        }""",
}


def main(fault: str) -> None:
    """Run the kernel with this fault."""
    context = cl.Context(cl.get_platforms()[0].get_devices())
    queue = cl.CommandQueue(context)
    kernel = cl.Program(context, KERNELS[sys.argv[1]]).build().planted
    out = cl.Buffer(context, cl.mem_flags.READ_WRITE, 4 * np.dtype(np.int32).itemsize)
    kernel(queue, (4,), (4,), out)
    queue.finish()


if __name__ == "__main__":
    main(sys.argv[1])
