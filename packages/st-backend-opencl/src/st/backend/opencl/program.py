"""Builds programs, once for each text, from the cache on disk where it has them."""

from __future__ import annotations

import re
import warnings
from hashlib import sha256
from importlib.metadata import version
from threading import Lock
from typing import Any

from st.backend.opencl.cache import BinaryCache
from st.backend.opencl.device import Device
from st.backend.opencl.source import KernelSource
from st.core import StError

OPTIONS = "-cl-std=CL1.2 -cl-mad-enable"


class BuildError(StError, RuntimeError):
    """The device's compiler refused a program; the message quotes the lines it complained about.

    Attributes:
        log: What the compiler said.
        text: The whole program.
    """

    def __init__(self, kernel: str, device: str, log: str, text: str) -> None:
        super().__init__(f"kernel {kernel!r} does not build on {device}:\n{_quoted(log, text)}")
        self.log = log
        self.text = text


class Programs:
    """The programs of one context. Safe to use from any thread; builds one at a time.

    Args:
        device: What to build for.
        context: The `pyopencl.Context` that holds the programs.
        cache: Where binaries are kept between processes.
    """

    def __init__(self, device: Device, context: Any, cache: BinaryCache) -> None:
        self.n_made = 0
        """Programs made so far, from text or from binaries: one for each distinct source."""
        self.n_compiled = 0
        """Those among them that the cache did not have."""
        self._device = device
        self._context = context
        self._cache = cache
        self._programs: dict[KernelSource, Any] = {}
        self._lock = Lock()
        platform = device.handle.platform
        self._key = "\0".join(
            (
                OPTIONS,
                platform.name,
                platform.version,
                device.name,
                device.version,
                device.driver,
                version("st-backend-opencl"),
            )
        )

    @property
    def sources(self) -> tuple[KernelSource, ...]:
        """Every kernel made so far, in order."""
        return tuple(self._programs)

    def kernel(self, source: KernelSource) -> Any:
        """Return a new `pyopencl.Kernel`, so that each launch has arguments of its own.

        Raises:
            BuildError: The compiler refused the text.
        """
        import pyopencl as cl

        with self._lock:
            program = self._programs.get(source)
            if program is None:
                program = self._programs[source] = self._make(source)
                self.n_made += 1
        return cl.Kernel(program, source.name)

    def _make(self, source: KernelSource) -> Any:
        import pyopencl as cl

        text = source.text(self._device.kind)
        key = sha256(f"{self._key}\0{text}".encode()).hexdigest()
        binary = self._cache.load(key)
        if binary is not None:
            try:
                return self._build(cl.Program(self._context, [self._device.handle], [binary]))
            except cl.Error:  # whole, but not what this driver wants: build anew
                self._cache.discard(key)
        try:
            program = self._build(cl.Program(self._context, text))
        except cl.Error as error:
            raise BuildError(source.name, self._device.description, str(error), text) from error
        self.n_compiled += 1
        self._cache.store(key, program.get_info(cl.program_info.BINARIES)[0])
        return program

    def _build(self, program: Any) -> Any:
        with warnings.catch_warnings():
            # Some compilers always have something to say; what matters comes as an error.
            warnings.simplefilter("ignore")
            return program.build(OPTIONS, cache_dir=False)


def _quoted(log: str, text: str) -> str:
    """Return `log` followed by the numbered lines around those it names."""
    lines = text.splitlines()
    named = {int(found) for found in re.findall(r":(\d+):\d+\b", log)}
    wanted = sorted(
        {n for line in named for n in range(line - 2, line + 3) if 1 <= n <= len(lines)}
    )
    shown = [f"{'>' if n in named else ' '}{n:4} | {lines[n - 1]}" for n in wanted]
    return "\n".join([log.strip(), *shown])
