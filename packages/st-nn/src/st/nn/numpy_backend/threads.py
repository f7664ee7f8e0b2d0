"""How many threads BLAS may use; the number belongs to the process, not to a call.

A small product on two threads gains nothing and, when another process is busy, waits for a thread
that is not scheduled (a step of 150 us took 500 us). So one thread is used below a size.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from threadpoolctl import (  # type: ignore[import-untyped]  # it ships no types
    ThreadpoolController,
)

from st.core.backend import Call

PARALLEL_FROM = 1 << 26
"""Multiply-adds of a product from which threads are used: about a millisecond of work. OpenBLAS on
two cores, float32, two threads against one: best of fifteen 0.72 at 2 to the 22, 0.68 at 24, 0.62
at 25, 0.53 at 26; but with other processes busy the medians were 0.75, 0.96, 1.9 and 0.78."""


class BlasThreads:
    """Sets the threads of every BLAS library in the process; `restore` is the inverse.

    `use` costs a comparison when the number stays the same.
    """

    def __init__(self) -> None:
        found = ThreadpoolController().select(user_api="blas").lib_controllers
        # A library that does not tell its number cannot be given one back.
        self._libraries = [library for library in found if library.num_threads]
        self._before = [library.num_threads for library in self._libraries]
        self._lock = Lock()
        self.limit = max(self._before, default=1)
        """The number of threads there were when this was made; never more are used."""
        self.current = self.limit

    def use(self, n_threads: int) -> None:
        """Let BLAS use `n_threads` from now on. Safe to call from any thread."""
        if n_threads == self.current:
            return
        with self._lock:
            for library in self._libraries:
                library.set_num_threads(n_threads)
            self.current = n_threads

    def run(self, product: Callable[[], object]) -> None:
        """Run a large product on all threads; what comes after it has one again."""
        self.use(self.limit)
        product()
        self.use(1)

    def restore(self) -> None:
        """Set what was found at first."""
        with self._lock:
            for library, n_threads in zip(self._libraries, self._before, strict=True):
                library.set_num_threads(n_threads)
            self.current = max(self._before, default=1)


def is_large(call: Call) -> bool:
    """Whether `call` is a matrix product that pays on more than one thread.

    In a batch of products each is made by itself, so that the size of one counts.
    """
    if call.op != "matmul":
        return False
    x, y = call.inputs
    n_rows, n_inner = x.spec.shape[-2:]
    return n_rows * n_inner * y.spec.shape[-1] >= PARALLEL_FROM
