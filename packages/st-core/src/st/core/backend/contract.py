"""The data that passes between plans and backends, and what a backend must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Protocol

DTYPES: Mapping[str, int] = {
    "float32": 4,
    "float64": 8,
    "int32": 4,
    "int64": 8,
    "uint32": 4,
    "uint64": 8,
    "bool": 1,
}
"""Every element type, with its size in bytes."""

Buffer = Any
"""Backend-native memory; freed when its last reference goes, also while work is queued."""

Role = Literal["temp", "state", "input", "output"]


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape and element type. Made by `spec`, which interns: equal specs are the same object."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements; 1 for a scalar, 0 when any axis is empty."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of a dense array of this spec."""
        return prod(self.shape) * DTYPES[self.dtype]

    def __str__(self) -> str:
        return f"{self.dtype}({','.join(map(str, self.shape))})"


_SPECS: dict[tuple[tuple[int, ...], str], Spec] = {}


def spec(shape: Sequence[int], dtype: str) -> Spec:
    """Return the one `Spec` of this shape and dtype. Safe to call from any thread.

    Raises:
        ValueError: `dtype` is not in `DTYPES`, or an axis is negative.
    """
    key = (tuple(shape), dtype)
    found = _SPECS.get(key)
    if found is None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
        if any(axis < 0 for axis in key[0]):
            raise ValueError(f"shape {key[0]} has a negative axis")
        found = _SPECS.setdefault(key, Spec(*key))
    return found


@dataclass(eq=False, slots=True)
class Storage:
    """One allocation. Its identity is what matters: two equal storages are still two."""

    nbytes: int
    role: Role
    name: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A window on a storage. Reshape, transpose, slice and broadcast make views, never calls.

    `strides` and `offset` count elements, not bytes; a broadcast axis has stride 0. The offset
    has no promise of alignment.
    """

    storage: Storage
    spec: Spec
    strides: tuple[int, ...]
    offset: int = 0

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie in C order without gaps (axes of length 1 do not count)."""
        expected = 1
        for axis, stride in zip(reversed(self.spec.shape), reversed(self.strides), strict=True):
            if axis != 1 and stride != expected:
                return False
            expected *= axis
        return True


def dense_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the C-order strides of `shape`, in elements."""
    strides, step = [], 1
    for axis in reversed(shape):
        strides.append(step)
        step *= axis
    return tuple(reversed(strides))


def dense(storage: Storage, of: Spec, offset: int = 0) -> View:
    """Return the C-order view of `storage` with spec `of`, starting at element `offset`."""
    return View(storage, of, dense_strides(of.shape), offset)


@dataclass(frozen=True, slots=True)
class Const:
    """A Python scalar that never changes, already in the operator's dtype; may be baked in.

    What changes from step to step (learning rate, bias correction, random counter) is an input or
    a state, never a constant.
    """

    value: float | int | bool
    spec: Spec


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One operator applied to views.

    Outputs are dense, or equal in layout to the input they overwrite. An output may be the same
    view as an input only for elementwise operators and those whose signature says `in_place`;
    partial overlap never occurs. Calls run as if in list order. `where` is the module path, for
    example ``"mlp.2"``, ``"mlp.2:vjp"`` or ``"optimizer"``.
    """

    op: str
    inputs: tuple[View | Const, ...]
    outputs: tuple[View, ...]
    attrs: tuple[tuple[str, Any], ...] = ()
    where: str = ""

    def attr(self, name: str) -> Any:
        """Return the value of attribute `name`; KeyError when the call has none of that name."""
        for key, value in self.attrs:
            if key == name:
                return value
        raise KeyError(f"{self.op} has no attribute {name!r}")

    def __repr__(self) -> str:
        given = ", ".join(
            str(x.value) if isinstance(x, Const) else str(x.spec) for x in self.inputs
        )
        attrs = "".join(f" {key}={value}" for key, value in self.attrs)
        made = ", ".join(str(x.spec) for x in self.outputs)
        place = f" at {self.where}" if self.where else ""
        return f"Call({self.op}: {given} -> {made}{attrs}{place})"


@dataclass(frozen=True, slots=True)
class Plan:
    """Calls in order, and the views somebody reads afterwards. Immutable; any thread may use it."""

    calls: tuple[Call, ...]
    outputs: tuple[View, ...]


Trace = Callable[[int, int, int], object]
"""Called with (launch, start_ns, end_ns) on the clock of `time.perf_counter_ns`."""


class Executable(Protocol):
    """A plan bound to memory. One thread at a time may run it."""

    launches: Sequence[tuple[int, ...]]
    """For each launch the indices of the calls it covers, so that fusion is visible."""
    n_bytes: int
    """Bytes of temporary memory the executable holds for itself."""

    def run(self, trace: Trace | None = None) -> None:
        """Enqueue every launch. `trace` is called at the next sync, in launch order."""


class OperationTopic(Protocol):
    """The handle on which eager launches are told; see `st.core.Topic` of `TensorOp`."""

    record: Callable[[tuple[Any, ...]], object] | None


class Backend(Protocol):
    """What runs calls. Every method may be called from any thread; work is one in-order queue."""

    name: str
    """As in the capability ``Backend(name)``."""
    kind: Literal["cpu", "gpu"]
    description: str
    """For people, for example ``"NumPy, 1 thread"``."""
    topic: OperationTopic | None

    def alloc(self, nbytes: int) -> Buffer:
        """Return uninitialised memory, aligned to at least 64 bytes. `nbytes` may be 0.

        Raises:
            BackendMemoryError: The device has no room.
        """

    def write(self, buffer: Buffer, data: memoryview, offset: int = 0) -> None:
        """Copy bytes to the device; `data` may be changed as soon as this returns."""

    def read(self, buffer: Buffer, out: memoryview, offset: int = 0) -> None:
        """Wait for queued work and copy bytes to `out`; raises pending kernel errors."""

    def sync(self) -> None:
        """Wait for queued work; raises pending kernel errors."""

    def borrow(self, memory: memoryview) -> Buffer | None:
        """Return a buffer that is this host memory itself, or None where the device cannot use it.

        The buffer holds `memory`, which may be read-only and has no promise of alignment. Whoever
        else writes to it does so between runs.
        """

    def supports(self, call: Call) -> bool:
        """Whether `call` can run. Cheap: builds nothing. True for all 22 `REQUIRED` operators.

        False makes the recorder decompose the call, so plans belong to one backend.
        """

    def launch(self, call: Call, memory: Mapping[Storage, Buffer]) -> None:
        """Run one call now (the eager path)."""

    def bind(
        self, plan: Plan, memory: Mapping[Storage, Buffer], *, keep: bool = False
    ) -> Executable:
        """Bind `plan` to memory. A plan may be bound many times.

        Args:
            plan: What to run.
            memory: A buffer for every state, input and output storage. The caller owns them and
                the executable keeps references. Temporaries belong to the executable and are
                shared by liveness.
            keep: No fusion and no sharing, so that each call's output can be read back through
                the `memory` mapping the executable then offers (see `BoundPlan.memory`).

        Raises:
            BackendError: A call cannot be bound; names operator, specs and module path.
        """


def service_name(backend: str) -> str:
    """Return the name of the service a backend plugin registers its `Backend` object under.

    >>> service_name("NumPy")
    'backend.numpy'
    """
    return f"backend.{backend.lower()}"
