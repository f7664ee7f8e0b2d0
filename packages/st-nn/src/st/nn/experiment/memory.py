"""Whether a model fits into the memory of this machine, asked before any of it is allocated."""

from __future__ import annotations

import os
from typing import Final

from st.core.backend import DTYPES
from st.nn.faults import Fault
from st.nn.model import Model
from st.nn.optim import Optimizer

_ASSUMED: Final = 1 << 40
"""Bytes where the machine does not tell (Windows): a bound for what nobody can mean."""


def memory_faults(model: Model, optimizer: Optimizer) -> tuple[Fault, ...]:
    """Return the fault of a model that is larger than the memory of this machine.

    Counted are the parameters, their gradient, and as many numbers for each vector that the
    optimizer keeps; what lies between the modules comes on top.
    """
    n_parameters = sum(layer.n_parameters for layer in model.layers)
    n_bytes = n_parameters * DTYPES[model.dtype] * (2 + len(optimizer.vectors()))
    available = memory_bytes()
    if n_bytes <= available:
        return ()
    largest = max(range(len(model.layers)), key=lambda n: model.layers[n].n_parameters)
    expected = f"a model that fits into {_shown(available)} of memory"
    given = f"{n_parameters:,} parameters, which need {_shown(n_bytes)} to be trained"
    return (Fault(("model", largest), expected, given),)


def memory_bytes() -> int:
    """Return the memory of this machine in bytes."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return _ASSUMED
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _shown(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.1f} GB"
