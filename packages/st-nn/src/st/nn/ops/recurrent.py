"""Recurrences over time: what a gated cell makes of rows in an order, each from the one before.

Time comes first, `(rows, batch, width)`, so that a row of all examples lies together. What goes
into the gates beside the state is the caller's: one product for all rows does that best.
"""

from __future__ import annotations

from collections.abc import Sequence

from st.core.backend import Spec, spec
from st.nn.ops.activation import sigmoid
from st.nn.ops.elementwise import tanh
from st.nn.ops.join import concat, stack
from st.nn.ops.matmul import matmul
from st.nn.ops.reduce import sum
from st.nn.ops.rules import FLOATS, one_dtype
from st.nn.tape import (
    Applied,
    Attrs,
    Operator,
    ShapeError,
    Tensor,
    operators,
    through_parts,
)


def lstm(x: Tensor, weight: Tensor) -> Tensor:
    """Return the states of a long short-term memory, which begins with zeros.

    Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and Cummins 2000:
    of i, f, g, o = x + h @ weight, side by side in this order, c = sigmoid(f) c + sigmoid(i)
    tanh(g) and h = sigmoid(o) tanh(c). PyTorch has the same order.

    Args:
        x: What goes into the gates but for the state, floating `(rows, batch, 4 width)`.
        weight: `(width, 4 width)`.

    Returns:
        h after each row, `(rows, batch, width)`.

    Raises:
        ShapeError: The shapes do not fit, or there is no row.
    """
    return x.tape.emit("lstm", (x, weight))[0]


def gru(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the states of a gated recurrent unit, which begins with zeros.

    Cho et al. 2014 (arXiv 1406.1078), in the form that one product with the state suffices for: of
    r, z, n = h @ weight + bias, side by side in this order, and the same parts of x,
    r = sigmoid(r + xr), z = sigmoid(z + xz), n = tanh(xn + r n) and h = (1 - z) n + z h. PyTorch
    has the same order and form.

    Args:
        x: What goes into the gates but for the state, floating `(rows, batch, 3 width)`.
        weight: `(width, 3 width)`.
        bias: `(3 width,)`.

    Returns:
        h after each row, `(rows, batch, width)`.

    Raises:
        ShapeError: The shapes do not fit, or there is no row.
    """
    return x.tape.emit("gru", (x, weight, bias))[0]


def _remembered(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, weight = inputs
    rows, batch, width = _sizes(x, weight, 4)
    dtype = one_dtype(inputs, FLOATS)
    state = spec((rows, batch, width), dtype)
    return state, spec(x.shape, dtype), state


def _gated(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    x, weight, bias = inputs
    rows, batch, width = _sizes(x, weight, 3)
    dtype = one_dtype(inputs, FLOATS)
    if bias.shape != (3 * width,):
        raise ShapeError(f"takes a bias of shape ({3 * width},)")
    return spec((rows, batch, width), dtype), spec((rows, batch, 4 * width), dtype)


def _sizes(x: Spec, weight: Spec, n_gates: int) -> tuple[int, int, int]:
    if len(x.shape) != 3 or len(weight.shape) != 2 or weight.shape[1] != n_gates * weight.shape[0]:
        raise ShapeError(
            f"takes x (rows, batch, {n_gates} width) and a weight (width, {n_gates} width)"
        )
    if x.shape[2] != weight.shape[1]:
        raise ShapeError(f"x is {x.shape[2]} wide, the weight {weight.shape[1]}")
    if not x.shape[0]:
        raise ShapeError("there is no row")
    return x.shape[0], x.shape[1], weight.shape[0]


def _parts(x: Tensor, width: int) -> list[Tensor]:
    """Return what lies side by side in the last axis, each `width` wide."""
    return [x[:, start : start + width] for start in range(0, x.shape[1], width)]


def _lstm(inputs: tuple[Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Return the states; gates and cells of each row come with them, for the way back."""
    x, weight = inputs
    states: list[Tensor] = []
    gates: list[Tensor] = []
    cells: list[Tensor] = []
    for row in range(x.shape[0]):
        entering = x[row] + matmul(states[-1], weight) if row else x[row]
        i, f, g, o = _parts(entering, weight.shape[0])
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        cells.append(f * cells[-1] + i * g if row else i * g)
        states.append(o * tanh(cells[-1]))
        gates.append(concat([i, f, g, o], 1))
    return [stack(states), stack(gates), stack(cells)]


def _lstm_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    (_, weight), (y, gates, cells) = at.inputs, at.outputs
    if dy[0] is None or any(d is not None for d in dy[1:]):
        return through_parts(_lstm, at, dy)
    (dx,) = y.tape.emit("lstm_back", (dy[0], gates, cells, weight))
    return [dx, _by_state(y, dx)]


def _by_state(y: Tensor, dx: Tensor) -> Tensor:
    """Return the gradient of what the state before each row was multiplied by."""
    rows, before = dx.shape[0], y[: dx.shape[0] - 1]
    if rows == 1:
        return y.tape.full((y.shape[2], dx.shape[2]), 0.0, y.dtype)
    return matmul(before.reshape(-1, y.shape[2]).T, dx[1:].reshape(-1, dx.shape[2]))


def _back_like_gates(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    return (inputs[1],)


def _lstm_back(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    """Return the gradient of x, from the last row to the first."""
    dy, gates, cells, weight = inputs
    width = weight.shape[0]
    made: list[Tensor] = []
    dc: Tensor | None = None
    for row in reversed(range(dy.shape[0])):
        i, f, g, o = _parts(gates[row], width)
        dh = dy[row] + matmul(made[-1], weight.T) if made else dy[row]
        bent = tanh(cells[row])
        through = dh * o * (1.0 - bent * bent)
        dc = through if dc is None else dc + through
        df = dc * cells[row - 1] * (f * (1.0 - f)) if row else f * 0.0
        parts = [dc * g * (i * (1.0 - i)), df, dc * i * (1.0 - g * g), dh * bent * (o * (1.0 - o))]
        made.append(concat(parts, 1))
        dc = dc * f
    return [stack(made[::-1])]


def _lstm_back_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    return through_parts(_lstm_back, at, dy)


def _gru(inputs: tuple[Tensor, Tensor, Tensor], attrs: Attrs) -> Sequence[Tensor]:
    """Return the states; r, z, n and the state's part of n come with them, for the way back."""
    x, weight, bias = inputs
    width = weight.shape[0]
    states: list[Tensor] = []
    gates: list[Tensor] = []
    for row in range(x.shape[0]):
        of_state = (
            matmul(states[-1], weight) + bias
            if row
            else bias.reshape(1, -1).broadcast_to(x.shape[1:])
        )
        xr, xz, xn = _parts(x[row], width)
        r, z, inner = _parts(of_state, width)
        r, z = sigmoid(xr + r), sigmoid(xz + z)
        n = tanh(xn + r * inner)
        states.append(n + z * (states[-1] - n) if row else n - z * n)
        gates.append(concat([r, z, n, inner], 1))
    return [stack(states), stack(gates)]


def _gru_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    (_, weight, _), (y, gates) = at.inputs, at.outputs
    if dy[0] is None or dy[1] is not None:
        return through_parts(_gru, at, dy)
    width = weight.shape[0]
    dx, inner = y.tape.emit("gru_back", (dy[0], gates, y, weight))
    of_state = concat([dx[:, :, : 2 * width], inner], 2)
    return [dx, _by_state(y, of_state), sum(of_state, (0, 1))]


def _back_parts(inputs: tuple[Spec, ...], attrs: Attrs) -> tuple[Spec, ...]:
    dy = inputs[0]
    return spec((*dy.shape[:2], 3 * dy.shape[2]), dy.dtype), dy


def _gru_back(inputs: tuple[Tensor, ...], attrs: Attrs) -> Sequence[Tensor]:
    """Return the gradient of x, and that of the state's part of n, from the last row on."""
    dy, gates, y, weight = inputs
    width = weight.shape[0]
    made: list[Tensor] = []
    inners: list[Tensor] = []
    carried: Tensor | None = None
    for row in reversed(range(dy.shape[0])):
        r, z, n, inner = _parts(gates[row], width)
        dh = dy[row] if carried is None else dy[row] + carried
        dn = dh * (1.0 - z) * (1.0 - n * n)
        dr = dn * inner * (r * (1.0 - r))
        dz = dh * ((y[row - 1] - n) if row else -n) * (z * (1.0 - z))
        made.append(concat([dr, dz, dn], 1))
        inners.append(dn * r)
        if row:
            carried = dh * z + matmul(concat([dr, dz, inners[-1]], 1), weight.T)
    return [stack(made[::-1]), stack(inners[::-1])]


def _gru_back_vjp(at: Applied, dy: tuple[Tensor | None, ...]) -> Sequence[Tensor | None]:
    return through_parts(_gru_back, at, dy)


operators.register(Operator("lstm", _remembered, _lstm_vjp, _lstm, 2))
operators.register(Operator("lstm_back", _back_like_gates, _lstm_back_vjp, _lstm_back, 4))
operators.register(Operator("gru", _gated, _gru_vjp, _gru, 3))
operators.register(Operator("gru_back", _back_parts, _gru_back_vjp, _gru_back, 4))
