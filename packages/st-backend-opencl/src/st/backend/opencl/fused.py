"""Groups of calls launched as one kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from st.backend.opencl import elementwise, layout
from st.backend.opencl.groups import Group, columns, is_reduction
from st.backend.opencl.index import INDICES
from st.backend.opencl.runtime import Operand, Runtime
from st.backend.opencl.space import Shape
from st.backend.opencl.weave import Woven, weave
from st.core.backend import DTYPES, SIGNATURES, Call, Const, Storage, View, kernels


def is_known(call: Call, backend: str, *, has_float64: bool) -> bool:
    """Whether a call can be part of a generated kernel.

    Args:
        call: Any call.
        backend: Name under which plugins register expressions.
        has_float64: Whether the device has it.
    """
    if len(call.outputs) != 1 or call.outputs[0].spec.size == 0:
        return False
    dtypes = {x.spec.dtype for x in (*call.inputs, *call.outputs)}
    if "float64" in dtypes and not has_float64:
        return False
    takes = elementwise.TAKES.get(call.op, tuple(DTYPES))
    if is_reduction(call):
        is_view = isinstance(call.inputs[0], View)
        is_number = call.op == "max" or call.inputs[0].spec.dtype in elementwise.NUMBERS
        return is_view and is_number and columns(call) > 0
    if call.op == "take":
        table, indices = call.inputs
        return (
            isinstance(table, View)
            and isinstance(indices, View)
            and indices.spec.dtype in INDICES
            and table.spec.shape[0] > 0
        )
    if call.op in elementwise.OPERATORS:
        if any(x.spec.dtype not in takes for x in call.inputs):
            return False
    elif call.op in SIGNATURES or not isinstance(kernels.get(call.op, backend), str):
        return False
    shape = call.outputs[0].spec.shape
    return all(isinstance(x, Const) or x.spec.shape == shape for x in call.inputs)


def bind(
    runtime: Runtime,
    calls: Sequence[Call],
    group: Group,
    operand: Callable[[View], Operand],
    inner: set[Storage],
) -> Callable[[], None]:
    """Return the launch that does all calls of a group.

    Args:
        runtime: Where it runs.
        calls: The calls of `group`, in order.
        group: What they walk.
        operand: Gives a view as kernels take it.
        inner: Temporaries that have no memory outside the group.
    """
    assert group.space is not None
    woven = weave(calls, group.space, group.n_columns, inner, runtime.backend)
    written = {view.storage for call in calls for view in call.outputs}
    goal = next((n for n, (storage, _) in enumerate(woven.operands) if storage in written), None)
    if goal is None:  # nobody reads what the group makes
        return _nothing
    found = _walk(woven, group.space, group.n_columns, goal).padded()
    n_columns = found.shape[-1]
    n_rows = prod(found.shape[:-1])
    groups = runtime.spread(n_rows, n_columns)
    if group.n_columns > 1:
        groups = (1, groups[1])
    arguments: list[object] = [found.shape]
    for n, (view, strides) in enumerate(zip(woven.operands.values(), found.strides, strict=True)):
        given = operand(view)
        arguments += [given.buffer, given.offset, strides]
        if n in woven.tables:
            table = woven.tables[n]
            arguments += [table.strides[0], table.spec.shape[0]]
    for dtype in woven.scratch.values():
        arguments.append(runtime.temporary((groups[1], n_columns), dtype).buffer)
    arguments += [constant.value for constant in woven.constants]
    return runtime.launch(calls[0], woven.source, arguments, groups)


def _nothing() -> None:
    pass


def _walk(woven: Woven, space: Shape, n_columns: int, goal: int) -> layout.Layout:
    """Return axes and strides in the order in which the kernel walks them.

    Without rows that is the order of the memory of operand `goal`, which is written.
    """
    strides = [place[1] for _, place in woven.operands]
    if n_columns == 1:
        found = layout.elementwise(space, [strides[goal], *strides])
        return layout.Layout(found.shape, found.strides[1:])
    at, seen = len(space), 1
    while seen < n_columns:
        at -= 1
        seen *= space[at]
    rows = layout.merge(space[:at], [each[:at] for each in strides])
    steps = [each[-1] for each in strides]
    return layout.Layout(
        (*rows.shape, n_columns),
        tuple((*each, step) for each, step in zip(rows.strides, steps, strict=True)),
    )
