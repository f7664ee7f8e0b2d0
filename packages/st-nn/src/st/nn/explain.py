"""What a plan does, for people and for listeners."""

from __future__ import annotations

from collections import Counter
from math import prod

from st.core.backend import SIGNATURES, Call, Executable, Plan, View, lifetimes

Told = tuple[str, tuple[tuple[int, ...], ...], str]
"""Operators, input shapes and module path of one launch."""


RECURRENCES = ("lstm", "gru")
LOOPS = ("causal_taps", "coherent_scan")


def stays_whole(call: Call) -> bool:
    """Whether a pass for shapes alone leaves `call` in one piece.

    The parts of a recurrence are a dozen calls for each row, a million for a second of sound.
    """
    return call.op in RECURRENCES or call.op in LOOPS


def told(plan: Plan, executable: Executable) -> tuple[Told, ...]:
    """Return what there is to tell about each launch: what it covers, and where."""
    found = []
    for covered in executable.launches:
        calls = [plan.calls[n] for n in covered]
        shapes = tuple(x.spec.shape for x in calls[0].inputs)
        places = dict.fromkeys(call.where for call in calls)
        found.append(("+".join(call.op for call in calls), shapes, "+".join(places)))
    return tuple(found)


def n_flops(call: Call) -> int:
    """Return the floating operations of a call: 2 mkn for a product, one per element else.

    A convolution is the product of windows and kernel; so are its gradients. Recurrences are the
    products of state and weight, and one per element of what they keep. Copies and picks count
    none.
    """
    if call.op == "matmul":
        return 2 * call.outputs[0].spec.size * call.inputs[0].spec.shape[-1]
    if call.op == "conv2d":
        return 2 * call.outputs[0].spec.size * prod(call.inputs[1].spec.shape[:3])
    if call.op == "conv2d_input_gradient":
        return 2 * call.inputs[0].spec.size * prod(call.inputs[1].spec.shape[:3])
    if call.op == "conv2d_kernel_gradient":
        return 2 * call.inputs[1].spec.size * prod(call.outputs[0].spec.shape[:3])
    if call.op in ("lstm", "gru", "lstm_back", "gru_back"):
        kept = sum(y.spec.size for y in call.outputs)
        weight = call.inputs[1 if call.op in RECURRENCES else -1].spec
        return (
            2 * (call.outputs[0].spec.size // call.outputs[0].spec.shape[-1]) * weight.size + kept
        )
    signature = SIGNATURES.get(call.op)
    if signature is None or call.op in ("copy", "cast", "take", "compare", "where", "argmax"):
        return 0
    return max(x.spec.size for x in (*call.inputs, *call.outputs))


def n_moved(call: Call) -> int:
    """Return the bytes a call reads and writes; a broadcast axis is read once."""
    views = [x for x in (*call.inputs, *call.outputs) if isinstance(x, View)]
    return sum(_distinct(view) * view.spec.nbytes // (view.spec.size or 1) for view in views)


def explain(plan: Plan, executable: Executable) -> str:
    """Return a plan as text: operators, bytes moved, floating operations, memory."""
    n_calls = Counter(call.op for call in plan.calls)
    flops: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for call in plan.calls:
        flops[call.op] += n_flops(call)
        moved[call.op] += n_moved(call)
    unshared = sum(storage.nbytes for storage in lifetimes([c] for c in plan.calls))
    width = max(14, *(len(op) + 2 for op in n_calls))
    lines = [f"{'operator':<{width}}{'calls':>6}{'bytes moved':>15}{'operations':>15}"]
    for op, n in n_calls.most_common():
        lines.append(f"{op:<{width}}{n:>6}{moved[op]:>15,}{flops[op]:>15,}")
    total = f"{'all':<{width}}{len(plan.calls):>6}{moved.total():>15,}{flops.total():>15,}"
    lines += [
        total,
        f"{len(executable.launches)} launches; temporaries {executable.n_bytes:,} bytes, "
        f"{unshared:,} if none were shared",
    ]
    return "\n".join(lines)


def _distinct(view: View) -> int:
    """Return how many different elements a view shows."""
    return prod(n for n, stride in zip(view.spec.shape, view.strides, strict=True) if stride != 0)
