"""Bind functions of the recurrences: a loop over prepared views, about a dozen calls for a row.

As a recorded loop an LSTM over 256 rows is ten thousand calls forth and back.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from st.core.backend import Call
from st.nn.numpy_backend.elementwise import Binder, Launch

Array = NDArray[Any]


def lstm(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the rows of `st.nn.ops.lstm`; sigmoid(x) is (tanh(x / 2) + 1) / 2, one tanh for all."""
    (x, weight), (y, gates, cells) = inputs, outputs
    width = weight.shape[0]
    scale, shift = _scale(x.dtype, width, (0.5, 0.5, 1.0, 0.5))
    product = np.empty(y.shape[1:], x.dtype)
    launches: list[Launch] = []
    for row, (entering, gate, cell, state) in enumerate(zip(x, gates, cells, y, strict=True)):
        i, f, g, o = _parts(gate, width)
        if row:
            launches += [
                partial(np.matmul, y[row - 1], weight, gate),
                partial(np.add, gate, entering, gate),
            ]
        else:
            launches.append(partial(np.copyto, gate, entering))
        launches += [
            partial(np.multiply, gate, scale, gate),
            partial(np.tanh, gate, gate),
            partial(np.multiply, gate, scale, gate),
            partial(np.add, gate, shift, gate),
            partial(np.multiply, i, g, cell),
        ]
        if row:
            launches += [
                partial(np.multiply, f, cells[row - 1], product),
                partial(np.add, cell, product, cell),
            ]
        launches += [partial(np.tanh, cell, state), partial(np.multiply, o, state, state)]
    return partial(_run, launches)


def lstm_back(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the way back of `lstm`; what needs no order is done for all rows at once."""
    (dy, gates, cells, weight), (dx,) = inputs, outputs
    width, turned = weight.shape[0], weight.T
    bent, slope = np.empty(cells.shape, dy.dtype), np.empty(cells.shape, dy.dtype)
    dh, dc, product = (np.empty(dy.shape[1:], dy.dtype) for _ in range(3))
    whole = np.empty(gates.shape[1:], dy.dtype)
    i_part, f_part, g_part, o_part = _parts(whole, width)
    launches: list[Launch] = [
        partial(_slopes, gates, dx, width, (2,)),
        partial(np.tanh, cells, bent),
        partial(np.multiply, bent, bent, slope),
        partial(np.subtract, np.ones((), dy.dtype), slope, slope),
        partial(dc.fill, 0),
    ]
    for row in reversed(range(len(dy))):
        i, f, g, o = _parts(gates[row], width)
        if row == len(dy) - 1:
            launches.append(partial(np.copyto, dh, dy[row]))
        else:
            launches += [
                partial(np.matmul, dx[row + 1], turned, dh),
                partial(np.add, dh, dy[row], dh),
            ]
        launches += [
            partial(np.multiply, dh, bent[row], o_part),
            partial(np.multiply, dh, o, product),
            partial(np.multiply, product, slope[row], product),
            partial(np.add, dc, product, dc),
            partial(np.multiply, dc, g, i_part),
            partial(np.multiply, dc, i, g_part),
            partial(np.multiply, dc, cells[row - 1], f_part) if row else partial(_clear, f_part),
            partial(np.multiply, dc, f, dc),
            partial(np.multiply, whole, dx[row], dx[row]),
        ]
    return partial(_run, launches)


def gru(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the rows of `st.nn.ops.gru`."""
    (x, weight, bias), (y, gates) = inputs, outputs
    width = weight.shape[0]
    scale, shift = (part[: 2 * width] for part in _scale(x.dtype, width, (0.5, 0.5, 1.0)))
    of_state, product = np.empty(x.shape[1:], x.dtype), np.empty(y.shape[1:], x.dtype)
    launches: list[Launch] = []
    for row, (entering, gate, state) in enumerate(zip(x, gates, y, strict=True)):
        both, n, inner = gate[:, : 2 * width], *_parts(gate, width)[2:]
        r, z = _parts(both, width)
        if row:
            launches += [
                partial(np.matmul, y[row - 1], weight, of_state),
                partial(np.add, of_state, bias, of_state),
            ]
        else:
            launches.append(partial(np.copyto, of_state, bias))
        launches += [
            partial(np.add, entering[:, : 2 * width], of_state[:, : 2 * width], both),
            partial(np.multiply, both, scale, both),
            partial(np.tanh, both, both),
            partial(np.multiply, both, scale, both),
            partial(np.add, both, shift, both),
            partial(np.copyto, inner, of_state[:, 2 * width :]),
            partial(np.multiply, r, inner, n),
            partial(np.add, n, entering[:, 2 * width :], n),
            partial(np.tanh, n, n),
        ]
        if row:
            launches += [
                partial(np.subtract, y[row - 1], n, product),
                partial(np.multiply, z, product, product),
                partial(np.add, n, product, state),
            ]
        else:
            launches += [
                partial(np.multiply, z, n, product),
                partial(np.subtract, n, product, state),
            ]
    return partial(_run, launches)


def gru_back(call: Call, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Launch:
    """Bind the way back of `gru`; what needs no order is done for all rows at once."""
    (dy, gates, y, weight), (dx, inners) = inputs, outputs
    width, turned = weight.shape[0], weight.T
    dh, carried = (np.empty(dy.shape[1:], dy.dtype) for _ in range(2))
    # What the gradient of the state is multiplied by on its way into z and n.
    into = np.empty((*dy.shape[:2], 2 * width), dy.dtype)
    of_state = np.empty(dx.shape[1:], dy.dtype)
    launches: list[Launch] = [
        partial(_slopes, gates[:, :, : 3 * width], dx, width, (2,)),
        partial(_into_update, gates, y, into, dx, width),
    ]
    for row in reversed(range(len(dy))):
        r, z, _, inner = _parts(gates[row], width)
        dr, dz, dn = _parts(dx[row], width)
        to_z, to_n = _parts(into[row], width)
        if row == len(dy) - 1:
            launches.append(partial(np.copyto, dh, dy[row]))
        else:
            launches += [
                partial(np.matmul, of_state, turned, carried),
                partial(np.add, carried, dh, dh),
                partial(np.add, dh, dy[row], dh),
            ]
        launches += [
            partial(np.multiply, dh, to_n, dn),
            partial(np.multiply, dh, to_z, dz),
            partial(np.multiply, dr, dn, dr),
            partial(np.multiply, dr, inner, dr),
            partial(np.multiply, dn, r, inners[row]),
        ]
        if row:
            launches += [
                partial(np.copyto, of_state[:, : 2 * width], dx[row][:, : 2 * width]),
                partial(np.copyto, of_state[:, 2 * width :], inners[row]),
                partial(np.multiply, dh, z, dh),
            ]
    return partial(_run, launches)


def _run(launches: list[Launch]) -> None:
    for launch in launches:
        launch()


def _clear(part: Array) -> None:
    part[...] = 0


def _parts(x: Array, width: int) -> list[Array]:
    """Return what lies side by side in the last axis, each `width` wide."""
    return [x[..., start : start + width] for start in range(0, x.shape[-1], width)]


def _scale(dtype: Any, width: int, factors: tuple[float, ...]) -> tuple[Array, Array]:
    """Return what to multiply before and after a tanh, and then to add, for each gate."""
    scale = np.repeat(np.array(factors, dtype), width)
    return scale, 1 - scale


def _slopes(gates: Array, out: Array, width: int, by_tanh: tuple[int, ...]) -> None:
    """Write the slope of each gate where its value is: y (1 - y), and 1 - y y for a tanh."""
    np.subtract(1, gates, out)
    np.multiply(out, gates, out)
    for n in by_tanh:
        y, slope = _parts(gates, width)[n], _parts(out, width)[n]
        np.multiply(y, y, slope)
        np.subtract(1, slope, slope)


def _into_update(gates: Array, y: Array, into: Array, slopes: Array, width: int) -> None:
    """Write what leads from the state into z and n: (h before - n) z', and (1 - z) n'."""
    _, z, n, _ = _parts(gates, width)
    _, z_slope, n_slope = _parts(slopes, width)
    to_z, to_n = _parts(into, width)
    np.subtract(y[:-1], n[1:], to_z[1:])
    np.multiply(n[0], -1, to_z[0])  # np.negative of NumPy 2.4 is wrong here for a width of 1
    np.multiply(to_z, z_slope, to_z)
    np.subtract(1, z, to_n)
    np.multiply(to_n, n_slope, to_n)


BINDERS: dict[str, Binder] = {
    "lstm": lstm,
    "lstm_back": lstm_back,
    "gru": gru,
    "gru_back": gru_back,
}
