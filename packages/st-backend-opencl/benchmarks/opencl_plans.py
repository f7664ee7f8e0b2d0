"""Calls and plans bound on the OpenCL backend, as functions that run them and wait."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call, Plan, Storage, View, dense, spec
from st.nn.plan import finish
from st.nn.tape import Tape, Tensor

Array = NDArray[Any]


class Bound:
    """A plan bound to copies of its operands; calling it runs it and waits.

    Args:
        backend: an `OpenCLBackend`.
        function: makes tensors of tensors, or nothing and overwrites them.
        inputs: the operands, as they lie in memory.
    """

    def __init__(
        self, backend: Any, function: Callable[..., Sequence[Tensor] | None], *inputs: Array
    ) -> None:
        self._backend = backend
        memory = {}
        views = []
        for x in inputs:
            storage = Storage(x.nbytes, "state")
            memory[storage] = backend.alloc(x.nbytes)
            backend.write(memory[storage], memoryview(x.tobytes(order="A")))
            strides = tuple(step // x.itemsize for step in x.strides)
            views.append(View(storage, spec(x.shape, x.dtype.name), strides))
        tape = Tape(supports=backend.supports)
        with tape.no_grad():
            made = function(*(tape.tensor(view) for view in views)) or ()
            self._outputs = []
            for y in made:
                goal = tape.new(y.spec, role="output")
                tape.emit("copy", (y,), out=(goal,))
                self._outputs.append(goal)
        for y in self._outputs:
            memory[y.view.storage] = backend.alloc(y.spec.nbytes)
        self._memory = memory
        plan, _ = finish(tape.calls)
        self.executable = backend.bind(plan, memory)

    def __call__(self) -> None:
        """Run and wait."""
        self.executable.run()
        self._backend.sync()

    def result(self) -> Array:
        """Run, wait and fetch the first output."""
        self.executable.run()
        of = self._outputs[0].spec
        made = np.empty(of.shape, of.dtype)
        buffer = self._memory[self._outputs[0].view.storage]
        self._backend.read(buffer, memoryview(made.reshape(-1).view(np.uint8)))
        return made


def queued_us(backend: Any, number: int = 200) -> float:
    """Return what one launch of a tiny kernel costs the host when many are queued."""
    from time import perf_counter

    x = dense(Storage(64, "state"), spec((16,), "float32"))
    memory = {x.storage: backend.alloc(64)}
    bound = backend.bind(Plan((Call("neg", (x,), (x,)),), ()), memory)
    best = float("inf")
    for _ in range(20):
        backend.sync()
        start = perf_counter()
        for _ in range(number):
            bound.run()
        best = min(best, (perf_counter() - start) / number)
    backend.sync()
    return best * 1e6
