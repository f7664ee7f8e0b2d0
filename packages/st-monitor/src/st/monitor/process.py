"""What the process itself uses: processor time, memory, threads."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable

from st.monitor.metrics import Metrics

__all__ = ["ProcessSampler"]


class ProcessSampler:
    """Writes series "process.…" each time :meth:`sample` is called, by the draining thread.

    With psutil (`st-monitor[system]`) memory, disk traffic and the machine's load are among
    them; without it, processor time, threads and, on Linux, memory.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._cpu = metrics.series("process.cores_busy")
        self._threads = metrics.series("process.threads")
        self._memory = metrics.series("process.memory", unit="MiB")
        self._more = _from_psutil(metrics)
        self._last = (time.perf_counter(), time.process_time())

    def sample(self, elapsed_s: float) -> None:
        """Take one sample, `elapsed_s` seconds after the start of the run."""
        now, busy = time.perf_counter(), time.process_time()
        then, was_busy = self._last
        self._last = (now, busy)
        if now > then:
            self._cpu((busy - was_busy) / (now - then), step=elapsed_s)
        self._threads(threading.active_count(), step=elapsed_s)
        resident = _resident_bytes()
        if resident is not None:
            self._memory(resident / 2**20, step=elapsed_s)
        if self._more is not None:
            self._more(elapsed_s)


def _resident_bytes() -> int | None:
    """Return the memory the process holds, None where only psutil can tell."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return None
    import resource

    return pages * resource.getpagesize()


def _from_psutil(metrics: Metrics) -> Callable[[float], None] | None:
    try:
        psutil = importlib.import_module("psutil")
    except ImportError:
        return None
    process = psutil.Process()
    machine = metrics.series("process.machine_busy", unit="%")
    memory = None if sys.platform.startswith("linux") else metrics.series("process.memory")
    psutil.cpu_percent()

    def sample(elapsed_s: float) -> None:
        machine(psutil.cpu_percent(), step=elapsed_s)
        if memory is not None:
            memory(process.memory_info().rss / 2**20, step=elapsed_s)

    return sample
