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

Parameter = Literal["buffer", "long", "long4", "long8"]


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

    def text(self, kind: Literal["cpu", "gpu"]) -> str:
        """Return the whole program for one class of device."""
        lines = [f"#define {name} {value}".rstrip() for name, value in self.defines]
        if kind == "cpu":
            lines.insert(0, "#define CPU")
        return "\n".join(lines) + "\n" + "\n".join(map(_read, ("prelude", *self.files)))


@cache
def _read(name: str) -> str:
    return (files("st.backend.opencl") / "kernels" / f"{name}.cl").read_text(encoding="utf-8")
