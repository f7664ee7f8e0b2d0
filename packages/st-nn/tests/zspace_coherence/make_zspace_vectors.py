"""Write zspace_vectors.npz: a sequencer in NumPy, its derivatives worked out by hand.

    python packages/st-nn/tests/zspace_coherence/make_zspace_vectors.py

Needs NumPy alone. It shares nothing with the sequencer but the formulas; no resonators, causal.
Arrays: `x`, `y`, `dy`, `dx`, `value.NAME` and `gradient.NAME` of each parameter.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WIDTH, HEADS, BANDS, TAPS, CHUNK, RADIUS = 16, 2, 3, 5, 8, 3.0
N, PULSES, STEEPEST = WIDTH // HEADS, 2 * HEADS * BANDS, 60.0 / CHUNK
NEAR = 1e-4


def sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def tanhc(s: Array) -> tuple[Array, Array]:
    far = np.maximum(s, NEAR)
    value = np.tanh(np.sqrt(far)) / np.sqrt(far)
    slope = (1 - far * value * value - value) / (2 * far)
    near = 1 - s / 3 + 2 * s**2 / 15 - 17 * s**3 / 315
    near_slope = -1 / 3 + 4 * s / 15 - 17 * s**2 / 105
    return np.where(s < NEAR, near, value), np.where(s < NEAR, near_slope, slope)


def atanhc(s: Array) -> tuple[Array, Array]:
    far = np.maximum(s, NEAR)
    value = np.arctanh(np.sqrt(far)) / np.sqrt(far)
    slope = (1 / (1 - far) - value) / (2 * far)
    near = 1 + s / 3 + s**2 / 5 + s**3 / 7
    near_slope = 1 / 3 + 2 * s / 5 + 3 * s**2 / 7
    return np.where(s < NEAR, near, value), np.where(s < NEAR, near_slope, slope)


def taps_of(orders: Array) -> tuple[Array, Array]:
    taps, slopes = np.ones((TAPS, orders.size)), np.zeros((TAPS, orders.size))
    for k in range(1, TAPS):
        taps[k] = taps[k - 1] * (k - 1 - orders) / k
        slopes[k] = slopes[k - 1] * (k - 1 - orders) / k - taps[k - 1] / k
    return taps, slopes


def turned(z: Array, angle: Array, sign: int = 1) -> Array:
    a, b = z[..., 0], z[..., 1] * sign
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([a * cosine - b * sine, sign * (a * sine + b * cosine)], -1)


def headed(x: Array, *inner: int) -> Array:
    return x.reshape(*x.shape[:2], HEADS, *inner).swapaxes(1, 2)


def flat(x: Array) -> Array:
    back = x.swapaxes(1, 2)
    return back.reshape(*back.shape[:2], -1)


def sequencer(p: dict[str, Array], x: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
    """Return the output, and the gradients of sum(output * dy) by name, that of x as `x`."""
    rows = x.shape[1]
    taps, slopes = taps_of(p["orders"])
    w = taps @ p["mixture"].T
    u = x * w[0]
    for k in range(1, TAPS):
        u[:, k:] += x[:, :-k] * w[k]
    entering = u @ p["input_weight"] + p["input_bias"]
    angle = np.arange(rows)[:, None] * p["carrier"][:, None, :]

    def features(z: Array) -> tuple[Array, Array, Array]:
        z = turned(headed(z, BANDS, 2), angle)
        size = np.sqrt((z * z).sum(-1, keepdims=True) + 1e-6)
        made = np.concatenate([size, z], -1) * 0.5**0.5
        return z, size, made.reshape(*made.shape[:3], -1)

    zq, size_q, q = features(entering[..., :PULSES])
    zk, size_k, k_ = features(entering[..., PULSES : 2 * PULSES])
    v = headed(entering[..., 2 * PULSES : 2 * PULSES + WIDTH], N) * N**-0.5
    gate = entering[..., 2 * PULSES + WIDTH : 2 * PULSES + 2 * WIDTH]
    opened = sigmoid(entering[..., -HEADS:] + p["decay_bias"])
    log_decay = (-STEEPEST * opened).swapaxes(1, 2)
    c = np.logaddexp(0, p["curvature"])[:, None, None]
    prior = np.logaddexp(0, p["prior"])[:, None, None]
    under = RADIUS**2 + (v * v).sum(-1, keepdims=True)
    rho = RADIUS / np.sqrt(under)
    vb = v * rho
    r2 = (vb * vb).sum(-1, keepdims=True)
    h, dh = tanhc(c * r2)
    gamma = np.cosh(np.sqrt(c * r2))
    points = np.concatenate([gamma * h * vb, gamma], -1)
    cum = np.cumsum(log_decay, -1)
    mask = np.tri(rows)
    faded = np.exp((cum[..., :, None] - cum[..., None, :]) * mask) * mask
    close = q @ k_.swapaxes(-1, -2)
    total = (close * faded) @ points
    under_m = total[..., -1:] + prior
    m = total[..., :-1] / under_m
    m2 = (m * m).sum(-1, keepdims=True)
    f, df = atanhc(c * m2)
    told = flat(m * f * N**0.5)
    silu = gate * sigmoid(gate)
    act = told * p["gain"] * silu

    # The way back, in the opposite order.
    g: dict[str, Array] = {"output_weight": act.reshape(-1, WIDTH).T @ dy.reshape(-1, WIDTH)}
    d_act = dy @ p["output_weight"].T
    g["gain"] = (d_act * told * silu).sum((0, 1))
    d_gate = d_act * told * p["gain"] * (sigmoid(gate) * (1 + gate * (1 - sigmoid(gate))))
    d_y = headed(d_act * p["gain"] * silu, N) * N**0.5
    along = (d_y * m).sum(-1, keepdims=True)
    d_m = f * d_y + 2 * c * df * along * m
    d_c = df * m2 * along
    d_under = -(d_m * m).sum(-1, keepdims=True) / under_m
    g["prior"] = d_under.sum((0, 2, 3)) * sigmoid(p["prior"])
    d_total = np.concatenate([d_m / under_m, d_under], -1)
    d_weight = d_total @ points.swapaxes(-1, -2)
    d_points = (close * faded).swapaxes(-1, -2) @ d_total
    d_close = d_weight * faded
    d_q, d_k = d_close @ k_, d_close.swapaxes(-1, -2) @ q
    by_fading = d_weight * close * faded
    d_cum = by_fading.sum(-1) - by_fading.sum(-2)
    d_log = np.cumsum(d_cum[..., ::-1], -1)[..., ::-1]
    d_s = d_points[..., -1:] * gamma * h / 2
    d_s += (d_points[..., :-1] * vb).sum(-1, keepdims=True) * (gamma * h * h / 2 + gamma * dh)
    g["curvature"] = (d_c + d_s * r2).sum((0, 2, 3)) * sigmoid(p["curvature"])
    d_vb = d_points[..., :-1] * gamma * h + 2 * c * d_s * vb
    d_v = rho * d_vb - (d_vb * v).sum(-1, keepdims=True) * rho / under * v

    def back(d: Array, z: Array, size: Array) -> tuple[Array, Array]:
        d = d.reshape(*d.shape[:3], BANDS, 3) * 0.5**0.5
        d_z = d[..., 1:] + d[..., :1] * z / size
        d_turn = d_z[..., 1] * z[..., 0] - d_z[..., 0] * z[..., 1]
        by_time = np.einsum("bhtj,t->hj", d_turn, np.arange(rows, dtype=float))
        return flat(turned(d_z, angle, -1).reshape(*d.shape[:3], 2 * BANDS)), by_time

    d_zq, by_q = back(d_q, zq, size_q)
    d_zk, by_k = back(d_k, zk, size_k)
    g["carrier"] = by_q + by_k
    d_opened = -STEEPEST * opened * (1 - opened) * d_log.swapaxes(1, 2)
    g["decay_bias"] = d_opened.sum((0, 1))[None]
    d_entering = np.concatenate([d_zq, d_zk, flat(d_v * N**-0.5), d_gate, d_opened], -1)
    g["input_weight"] = u.reshape(-1, WIDTH).T @ d_entering.reshape(-1, d_entering.shape[-1])
    g["input_bias"] = d_entering.sum((0, 1))
    d_u = d_entering @ p["input_weight"].T
    g["x"], d_w = d_u * w[0], np.empty_like(w)
    d_w[0] = (d_u * x).sum((0, 1))
    for k in range(1, TAPS):
        g["x"][:, :-k] += d_u[:, k:] * w[k]
        d_w[k] = (d_u[:, k:] * x[:, :-k]).sum((0, 1))
    g["mixture"] = d_w.T @ taps
    g["orders"] = ((d_w @ p["mixture"]) * slopes).sum(0)
    return act @ p["output_weight"], g


def values(rng: np.random.Generator) -> dict[str, Array]:
    entering = 2 * PULSES + 2 * WIDTH + HEADS
    return {
        "orders": np.array([0.0, 1.0, 2.0, -0.5]),
        "mixture": np.eye(4)[0] + 0.1 * rng.normal(size=(WIDTH, 4)),
        "input_weight": rng.normal(0, WIDTH**-0.5, (WIDTH, entering)),
        "input_bias": rng.normal(0, 0.1, entering),
        "carrier": np.tile(np.geomspace(1, 1e-3, BANDS), (HEADS, 1)),
        "decay_bias": rng.normal(-3, 1, (1, HEADS)),
        "prior": rng.normal(size=HEADS),
        "gain": rng.normal(1, 0.1, WIDTH),
        "output_weight": rng.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)),
        "curvature": rng.normal(size=HEADS),
    }


def main() -> None:
    rng = np.random.default_rng(1)
    p = values(rng)
    x, dy = rng.normal(size=(2, 2, 21, WIDTH))
    y, gradients = sequencer(p, x, dy)
    stored = {"x": x, "y": y, "dy": dy, "dx": gradients.pop("x")}
    stored |= {f"value.{name}": value for name, value in p.items()}
    stored |= {f"gradient.{name}": gradient for name, gradient in gradients.items()}
    np.savez_compressed(Path(__file__).with_name("zspace_vectors.npz"), **stored)


if __name__ == "__main__":
    main()
