"""What a computing backend and its users agree on: plain types, no array library.

A *plan* is a list of *calls* to named operators over *views* of *storages*. Whoever makes plans
(`st.nn`) knows no device; whoever runs them (a backend) knows no model.

    >>> from st.core.backend import Call, Storage, View, dense, spec
    >>> x = dense(Storage(24, "input", "x"), spec((2, 3), "float32"))
    >>> y = dense(Storage(24, "output", "y"), x.spec)
    >>> Call("tanh", (x,), (y,), where="demo")
    Call(tanh: float32(2,3) -> float32(2,3) at demo)

A backend is a plugin with the capability ``Backend(Name)`` that registers its `Backend` object as
the service `service_name(name)`.
"""

from st.core.backend.base import Binder, BoundPlan, Launch, TableBackend
from st.core.backend.contract import (
    DTYPES,
    Backend,
    Buffer,
    Call,
    Const,
    Executable,
    OperationTopic,
    Plan,
    Role,
    Spec,
    Storage,
    Trace,
    View,
    dense,
    dense_strides,
    service_name,
    spec,
)
from st.core.backend.errors import BackendError, BackendMemoryError, UnsupportedOperatorError
from st.core.backend.kernels import KernelHandle, KernelTable, kernels
from st.core.backend.liveness import Lifetime, lifetimes, share
from st.core.backend.signatures import REQUIRED, SIGNATURES, Signature, check_call

__all__ = [
    "DTYPES",
    "REQUIRED",
    "SIGNATURES",
    "Backend",
    "BackendError",
    "BackendMemoryError",
    "Binder",
    "BoundPlan",
    "Buffer",
    "Call",
    "Const",
    "Executable",
    "KernelHandle",
    "KernelTable",
    "Launch",
    "Lifetime",
    "OperationTopic",
    "Plan",
    "Role",
    "Signature",
    "Spec",
    "Storage",
    "TableBackend",
    "Trace",
    "UnsupportedOperatorError",
    "View",
    "check_call",
    "dense",
    "dense_strides",
    "kernels",
    "lifetimes",
    "service_name",
    "share",
    "spec",
]
