"""Random words, the same on every backend, and what is made random by them."""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, spec
from st.nn.ops.elementwise import compare, where
from st.nn.ops.rules import floating
from st.nn.tape import (
    Applied,
    Attrs,
    DTypeError,
    OperandError,
    Operator,
    ShapeError,
    Tensor,
    of_one,
    operators,
)


def philox(counter: Tensor, shape: Sequence[int], stream: int) -> Tensor:
    """Return random uint64 words of `shape`, the raw Philox4x64-10 stream.

    Args:
        counter: uint64 `(2,)`: the seed, and the number of the step. The same two give the same
            words.
        shape: Of the result.
        stream: Tells apart places that draw in one step; below 2 to the 64.

    Raises:
        DTypeError, ShapeError: The counter is something else.
        OperandError: The stream is outside its range.
    """
    attrs = {"shape": tuple(shape), "stream": stream}
    return counter.tape.emit("philox", (counter,), attrs)[0]


def dropout(x: Tensor, words: Tensor, rate: float) -> Tensor:
    """Return x with a share of `rate` made 0, chosen by `words`, and the rest over 1 - rate.

    So the mean stays as it is (Srivastava et al. 2014, section 10, scales in prediction instead).

    Args:
        x: Floating; not modified.
        words: uint64, of the shape of x, evenly distributed; see `philox`.
        rate: From 0 to below 1.

    Raises:
        DTypeError, ShapeError: The words are no words for x.
        OperandError: The rate is outside its range.
    """
    return x.tape.emit("dropout", (x, words), {"rate": float(rate)})[0]


def _words(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    (counter,) = inputs
    if counter.dtype != "uint64":
        raise DTypeError("seed and step are uint64; cast them")
    if counter.shape != (2,):
        raise ShapeError("takes seed and step, a shape of (2,)")
    if not 0 <= attrs["stream"] < 1 << 64:
        raise OperandError(f"the stream {attrs['stream']} is not from 0 to 2**64 - 1")
    return (spec(attrs["shape"], "uint64"),)


def _dropped(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, words = inputs
    floating((x,), 1)
    if words.dtype != "uint64":
        raise DTypeError("the words are uint64; draw them with philox")
    if words.shape != x.shape:
        raise ShapeError("takes a word for each element")
    if not 0 <= attrs["rate"] < 1:
        raise OperandError(f"the rate {attrs['rate']} is not from 0 to below 1")
    return (x,)


def _dropout(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    x, words = inputs
    rate = attrs["rate"]
    # The product is exact; int cuts off less than one word of 2**64.
    kept = compare(words, int(rate * 2.0**64), "ge")
    return [where(kept, x * (1.0 / (1.0 - rate)), 0.0)]


def _dropout_vjp(at: Applied, dy: Tensor) -> Sequence[Tensor | None]:
    # Linear in x: the derivative drops what the function dropped.
    return [dropout(dy, at.inputs[1], at.attrs["rate"]), None]


operators.register(Operator("philox", _words))
operators.register(Operator("dropout", _dropped, of_one(_dropout_vjp), _dropout, 2))
