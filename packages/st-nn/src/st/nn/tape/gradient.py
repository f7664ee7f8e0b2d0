"""Exact derivatives: the tape walked backwards, each operator's `vjp` written in operators."""

from __future__ import annotations

from collections.abc import Sequence

from st.nn.tape.arithmetic import FLOATS, apply
from st.nn.tape.errors import GradientError
from st.nn.tape.operator import Applied
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
    applied = _between(tape.applied, wrt)
    gradient: dict[int, Tensor] = {id(of): seed}
    for at in reversed(applied):
        dy = tuple(gradient.get(id(y)) for y in at.outputs)
        if all(g is None for g in dy):
            continue
        for x, dx in zip(at.inputs, _vjp(at, dy), strict=True):
            if dx is None or not isinstance(x, Tensor):
                continue
            known = gradient.get(id(x))
            with tape.at(f"{at.where}:vjp"):
                gradient[id(x)] = dx if known is None else apply("add", known, dx)
    return [gradient.get(id(x)) for x in wrt]


def _between(applied: Sequence[Applied], wrt: Sequence[Tensor]) -> list[Applied]:
    """Return what depends on any of `wrt`, marked with the inputs whose gradient is wanted."""
    reached = {id(x) for x in wrt}
    found = []
    for at in applied:
        wanted = tuple(id(x) in reached for x in at.inputs)
        if any(wanted):
            at.wanted = wanted
            found.append(at)
            reached.update(id(y) for y in at.outputs if y.dtype in FLOATS)
    return found


def _vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    if at.vjp is None:
        place = f" at {at.where}" if at.where else ""
        raise GradientError(f"operator {at.name!r}{place} has no derivative; detach its input")
    tape = at.outputs[0].tape
    with tape.at(f"{at.where}:vjp"):
        made = at.vjp(at, dy)
    return [dx if wanted else None for dx, wanted in zip(made, at.wanted, strict=True)]
