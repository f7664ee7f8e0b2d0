"""Products and reductions large enough for the paths that tiny models do not reach.

python kernels.py cpu|gpu
"""

import sys
from dataclasses import replace
from typing import Any

import numpy as np

from st.backend.opencl import OpenCLBackend, choose, find_devices
from st.core.backend import Call, Storage, View, dense, spec


class Checked:
    """Runs calls on one device and compares what they give."""

    def __init__(self, kind: str) -> None:
        self.backend = OpenCLBackend(replace(choose(find_devices()), kind=kind))
        self.memory: dict[Storage, Any] = {}

    def put(self, x: np.ndarray) -> View:
        """Return a view of a copy of `x` on the device."""
        storage = Storage(x.nbytes, "input")
        self.memory[storage] = self.backend.alloc(x.nbytes)
        self.backend.write(self.memory[storage], memoryview(x.tobytes()))
        return dense(storage, spec(x.shape, x.dtype.name))

    def run(self, op: str, inputs: tuple[View, ...], expected: np.ndarray, **attrs: Any) -> None:
        """Run a call and compare its result."""
        out = self.put(np.zeros_like(expected))
        self.backend.launch(Call(op, inputs, (out,), tuple(attrs.items())), self.memory)
        got = np.empty_like(expected)
        self.backend.read(self.memory[out.storage], memoryview(got.reshape(-1).view(np.uint8)))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def main(kind: str) -> None:
    """Run every kernel that has more than one path."""
    checked, random = Checked(kind), np.random.default_rng(0)
    a, b, wide = (random.random(shape, "f4") for shape in [(2, 17), (66, 17), (9, 3, 19)])
    x, y, z = checked.put(a), checked.put(b), checked.put(wide)
    turned = View(y.storage, spec((17, 66), "float32"), (1, 17))
    checked.run("matmul", (x, turned), a @ b.T)
    for axes in ((0,), (1,), (2,), (0, 2), (0, 1, 2)):
        for op in ("sum", "max"):
            checked.run(op, (z,), np.asarray(getattr(wide, op)(axes)), axes=axes)
    checked.run("argsort", (x,), np.argsort(a, 1, "stable"), axis=1)
    checked.run("argmax", (z,), np.argmax(wide, 1), axis=1)
    rows = random.integers(-3, 12, 7)
    clamped = np.clip(rows, 0, 8)
    total = np.zeros_like(wide)
    np.add.at(total, clamped, wide[:7])
    part = View(z.storage, spec((7, 3, 19), "float32"), z.strides)
    checked.run("take", (z, checked.put(rows)), wide[clamped])
    checked.run("scatter_add", (checked.put(rows), part), total)
    print("done")


if __name__ == "__main__":
    main(sys.argv[1])
