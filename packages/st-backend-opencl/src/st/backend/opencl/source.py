"""Kernel texts: ``.cl`` files of this package behind constants written as ``#define`` lines.

Constants stand in the text, not among the build options, so the text alone says what is built
(PoCL was reported to hand out stale programs for changed ``-D`` options).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

CTYPES: Mapping[str, str] = {
    "float32": "float",
    "float64": "double",
    "int32": "int",
    "int64": "long",
    "uint32": "uint",
    "uint64": "ulong",
    "bool": "uchar",
}
"""The type of an element in kernels; a bool is a byte that holds 0 or 1."""

MOVED_AS: Mapping[int, str] = {1: "uchar", 4: "uint", 8: "ulong"}
"""The type that stands for elements of a size where only their bits matter."""

GPU_GROUP = 64
"""Work-items in a work-group along dimension 0 on GPUs; CPUs have groups of one."""

Parameter = Literal[
    "buffer",
    "long",
    "long4",
    "long8",
    "float32",
    "float64",
    "int32",
    "int64",
    "uint32",
    "uint64",
    "bool",
]
"""What a kernel takes: a buffer, a size or some, or one element."""


@dataclass(frozen=True, slots=True)
class KernelSource:
    """One kernel: where its text comes from, its constants and its parameters.

    Two sources that are equal give the same program.
    """

    name: str
    """The kernel function."""
    files: tuple[str, ...]
    """Names in ``kernels/``, without ``.cl``, in order; the prelude is prepended to them."""
    defines: tuple[tuple[str, str], ...]
    parameters: tuple[Parameter, ...]
    generated: str = ""
    """Text behind the files, for kernels that are written anew for each group of calls."""

    def text(self, kind: Literal["cpu", "gpu"]) -> str:
        """Return the whole program for one class of device."""
        lines = [f"#define {name} {value}".rstrip() for name, value in self.defines]
        lines.insert(0, "#define CPU" if kind == "cpu" else f"#define GROUP {GPU_GROUP}")
        parts = [*map(_read, ("prelude", *self.files)), self.generated]
        return "\n".join(lines) + "\n" + "\n".join(parts)


@cache
def _read(name: str) -> str:
    return (files("st.backend.opencl") / "kernels" / f"{name}.cl").read_text(encoding="utf-8")
