"""Exact derivatives: the tape walked backwards, each operator's `vjp` written in operators."""

from __future__ import annotations

from collections.abc import Sequence

from st.nn.tape.arithmetic import FLOATS, apply
from st.nn.tape.errors import GradientError
from st.nn.tape.operator import Applied, Decompose
from st.nn.tape.tensor import Tensor


def gradients(of: Tensor, wrt: Sequence[Tensor], seed: Tensor | None = None) -> list[Tensor | None]:
    """Return the gradient of `of` with respect to each of `wrt`; None where it does not depend.

    The calls go onto the same tape, each at the module path of its forward call with ":vjp"
    behind it. They can be derived again.

    Args:
        of: Usually a scalar loss.
        wrt: Floating values on the same tape.
        seed: Gradient with respect to `of`, of its spec; ones when left out, which needs a scalar.

    Raises:
        GradientError: `of` is no scalar and there is no seed, a value is not floating, or an
            operator on the way has no derivative.
    """
    tape = of.tape
    for x in (of, *wrt):
        if x.dtype not in FLOATS:
            raise GradientError(f"{x!r} is not floating: it has no gradient")
    if seed is None:
        if of.shape != ():
            raise GradientError(
                f"{of!r} is no scalar: pass `seed`, the gradient with respect to it"
            )
        seed = tape.full((), 1.0, of.dtype)
    return _backwards(of, wrt, seed, tape.applied)


def _backwards(
    of: Tensor, wrt: Sequence[Tensor], seed: Tensor, applied: Sequence[Applied]
) -> list[Tensor | None]:
    """Return the gradients as far as they go through `applied`."""
    tape = of.tape
    gradient: dict[int, Tensor] = {id(of): seed}
    for at, wanted in reversed(_between(applied, wrt)):
        dy = tuple(gradient.get(id(y)) for y in at.outputs)
        if all(g is None for g in dy):
            continue
        with tape.at(at.where if at.where.endswith(":vjp") else f"{at.where}:vjp"):
            for x, dx, is_wanted in zip(at.inputs, _vjp(at, dy, wanted), wanted, strict=True):
                if dx is not None and is_wanted:
                    known = gradient.get(id(x))
                    gradient[id(x)] = dx if known is None else apply("add", known, dx)
    return [gradient.get(id(x)) for x in wrt]


def through_parts(
    decompose: Decompose, at: Applied, dy: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """Return the `vjp` of an operator as that of its decomposition.

    For operators that some backends run whole. What it writes again of the forward calls a plan
    works out once.
    """
    tape = at.outputs[0].tape
    wanted = [x for x, is_wanted in zip(at.inputs, at.wanted, strict=True) if is_wanted]
    # Nothing before this is looked at: one input may have been made of another, which is counted
    # where that was done.
    first = len(tape.applied)
    with tape.with_grad():
        parts = decompose(at.inputs, at.attrs)
        found: list[Tensor | None] = [None] * len(wanted)
        for y, seed in zip(parts, dy, strict=True):
            if seed is not None:
                more = _backwards(y, wanted, seed, tape.applied[first:])
                found = [_plus(a, b) for a, b in zip(found, more, strict=True)]
    each = iter(found)
    return [next(each) if is_wanted else None for is_wanted in at.wanted]


def _plus(known: Tensor | None, more: Tensor | None) -> Tensor | None:
    if known is None or more is None:
        return more if known is None else known
    return apply("add", known, more)


def _between(
    applied: Sequence[Applied], wrt: Sequence[Tensor]
) -> list[tuple[Applied, tuple[bool, ...]]]:
    """Return what depends on any of `wrt`, with the inputs whose gradient is wanted."""
    reached = {id(x) for x in wrt}
    found = []
    for at in applied:
        wanted = tuple(id(x) in reached for x in at.inputs)
        if any(wanted):
            found.append((at, wanted))
            reached.update(id(y) for y in at.outputs if y.dtype in FLOATS)
    return found


def _vjp(
    at: Applied, dy: tuple[Tensor | None, ...], wanted: tuple[bool, ...]
) -> Sequence[Tensor | None]:
    if at.vjp is None:
        place = f" at {at.where}" if at.where else ""
        raise GradientError(
            f"operator {at.name!r}{place} has no derivative; compute its input in `no_grad`"
        )
    # Set for this one call: derivatives inside a `vjp` look at the same operators again.
    at.wanted = wanted
    return at.vjp(at, dy)
