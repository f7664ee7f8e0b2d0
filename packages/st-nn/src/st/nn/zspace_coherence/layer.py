"""A Z-space sequencer in operators: from rows to rows, with what was before and what comes after.

Letters: d the width, H heads, n = d / H, J bands, K taps, m = n + 1 numbers of a point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from st.nn import ops
from st.nn.init import Constant, Initializer, Normal
from st.nn.tape import Tensor
from st.nn.zspace_coherence import starts
from st.nn.zspace_coherence.config import ZSpaceConfig
from st.nn.zspace_coherence.fractional import fractional_taps, resonator_taps, tap_bank
from st.nn.zspace_coherence.geometry import clamp, lift, log_map, midpoint
from st.nn.zspace_coherence.pulses import carriers, features, turned_back

Declaration = Mapping[str, tuple[tuple[int, ...], Initializer]]


def declaration(config: ZSpaceConfig, width: int) -> Declaration:
    """Return the shape and the start of every parameter, by name, for rows of `width` numbers.

    `input_weight` holds side by side probes (2HJ), pulses (2HJ), vectors (d), gates (d) and decays
    (H, or 2H where both directions are seen).
    """
    heads, bands, n_gates = config.heads, config.bands, config.heads * config.n_directions
    entering = 4 * heads * bands + 2 * width + n_gates
    n_rows = len(config.orders) + 2 * config.resonators
    decay = starts.damping(config.horizon, heads, config.steepest_decay)
    made: dict[str, tuple[tuple[int, ...], Initializer]] = {
        "orders": ((len(config.orders),), starts.Values(config.orders)),
        "mixture": ((width, n_rows), starts.Mixture(config.orders, config.resonator_init)),
        "input_weight": ((width, entering), starts.Entering(n_gates)),
        "input_bias": ((entering,), Constant(0.0)),
        "carrier": ((heads, bands), starts.logarithmic(1.0, 1e-3, bands)),
        "decay_bias": ((config.n_directions, heads), decay),
        "prior": ((heads,), Constant(0.0)),
        "gain": ((width,), Constant(1.0)),
        "output_weight": ((width, width), Normal(width**-0.5)),
    }
    if config.learn_curvature:
        start = starts.softplus_inverse(config.curvature)
        made["curvature"] = ((heads,), Constant(start))
    if config.resonators:
        shape = (config.resonators,)
        made["resonator_turn"] = (shape, starts.logarithmic(2.8, 0.1, config.resonators))
        made["resonator_life"] = (shape, starts.lives(4.0, 63.0, config.resonators))
    return made


@dataclass(frozen=True, slots=True)
class Past:
    """What a sequence was so far: all that later rows need of it.

    Attributes:
        rows: The last K - 1, `(batch, K - 1, d)`.
        sums: Features x points with their decay, `(batch, H, 3J, m)`, as if now were row 0.
    """

    rows: Tensor
    sums: Tensor


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of some rows, T of them, step by step.

    Attributes:
        seen: They with the rows before them, `(batch, K - 1 + T, d)`.
        vectors: What was lifted, `(batch, H, T, n)`; the distance from the origin is its length.
        pulses: Features, `(batch, H, T, 3J)`.
        sums: The sums after the last row, on the carriers of these rows.
        totals: Weighted sums of points, `(batch, H, T, m)`.
        vector: The midpoints as vectors from the origin, `(batch, H, T, n)`.
        output: `(batch, T, d)`.
    """

    seen: Tensor
    vectors: Tensor
    pulses: Tensor
    sums: Tensor
    totals: Tensor
    vector: Tensor
    output: Tensor


@dataclass(frozen=True, slots=True)
class Layer:
    """A sequencer with its parameters, as `declaration` names them, on one tape.

    `filters` are what `taps` gives, where they were worked out before.
    """

    config: ZSpaceConfig
    parameters: Mapping[str, Tensor]
    filters: Tensor | None = None

    def read(self, x: Tensor, past: Past | None = None) -> Reading:
        """Return what comes of rows x, `(batch, T, d)`, after a past; None is a beginning."""
        n, rows, width = x.shape
        config, of = self.config, self.parameters
        heads, bands, n_taps = config.heads, config.bands, config.n_taps
        if past is None:
            seen = ops.pad(x, ((0, 0), (n_taps - 1, 0), (0, 0)))
            sums = x.tape.full((n, heads, 3 * bands, width // heads + 1), 0.0, x.dtype)
        else:
            seen = ops.concat([past.rows, x], 1) if n_taps > 1 else x
            sums = past.sums
        filters = self.taps() if self.filters is None else self.filters
        filtered = ops.causal_taps(seen, filters)
        flat = ops.matmul(filtered.reshape(n * rows, width), of["input_weight"])
        entering = (flat + of["input_bias"]).reshape(n, rows, -1)
        edges = (0, 2 * heads * bands, 4 * heads * bands)
        carrier = carriers(of["carrier"], rows)
        q, k = (
            features(self._headed(entering[..., start : start + edges[1]], bands, 2), carrier)
            for start in edges[:2]
        )
        given = self._headed(entering[..., edges[2] : edges[2] + width], width // heads)
        gate = entering[..., edges[2] + width : edges[2] + 2 * width]
        decays = self._decays(entering[..., edges[2] + 2 * width :])
        vectors = clamp(given * (width // heads) ** -0.5, config.radius)
        curvature = self.curvature(x)
        totals, sums = self._sums(q, k, lift(vectors, curvature), decays, sums)
        prior = ops.softplus(of["prior"]).reshape(heads, 1, 1)
        vector = log_map(midpoint(totals, prior), curvature)
        merged = vector.transpose(0, 2, 1, 3).reshape(n, rows, width) * (width // heads) ** 0.5
        told = merged * of["gain"] * ops.silu(gate)
        output = ops.matmul(told.reshape(n * rows, width), of["output_weight"])
        return Reading(seen, vectors, k, sums, totals, vector, output.reshape(n, rows, width))

    def after(self, reading: Reading) -> Past:
        """Return the past of what comes after `reading`; only where `causal`."""
        n_rows = reading.output.shape[1]
        sums = turned_back(reading.sums, self.parameters["carrier"], n_rows)
        return Past(reading.seen[:, n_rows:], sums)

    def taps(self) -> Tensor:
        """Return the filter of every channel, `(K, d)`."""
        of, n_taps = self.parameters, self.config.n_taps
        rows = fractional_taps(of["orders"], n_taps)
        if self.config.resonators:
            waves = resonator_taps(of["resonator_turn"], of["resonator_life"], n_taps)
            rows = ops.concat([rows, waves], 0)
        return tap_bank(rows, of["mixture"])

    def curvature(self, like: Tensor) -> Tensor:
        """Return c of every head, `(H, 1, 1)`."""
        heads = self.config.heads
        if not self.config.learn_curvature:
            return like.tape.full((heads, 1, 1), self.config.curvature, like.dtype)
        return ops.softplus(self.parameters["curvature"]).reshape(heads, 1, 1)

    def _headed(self, x: Tensor, *inner: int) -> Tensor:
        """Return `(batch, T, H * inner)` as `(batch, H, T, *inner)`."""
        parted = x.reshape(*x.shape[:2], self.config.heads, *inner)
        return parted.transpose(0, 2, 1, *range(3, parted.ndim))

    def _decays(self, gates: Tensor) -> list[Tensor]:
        """Return the logarithm of the decays, `(batch, H, T)` for each direction."""
        n, rows, _ = gates.shape
        bias = self.parameters["decay_bias"]
        parted = gates.reshape(n, rows, self.config.n_directions, self.config.heads)
        made = ops.sigmoid(parted + bias) * -self.config.steepest_decay
        return [made[:, :, way].transpose(0, 2, 1) for way in range(self.config.n_directions)]

    def _sums(
        self, q: Tensor, k: Tensor, points: Tensor, decays: list[Tensor], before: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the weighted sums of points, and the sums after the last row."""
        chunk = self.config.chunk
        totals, after = ops.coherent_scan(q, k, points, decays[0], before, chunk=chunk)
        if self.config.causal:
            return totals, after
        q_back, k_back, points_back, decay_back = (
            ops.flip(of, 2) for of in (q, k, points, decays[1])
        )
        back, _ = ops.coherent_scan(q_back, k_back, points_back, decay_back, before, chunk=chunk)
        # Each row met itself on both ways.
        met = ops.sum(q * k, 3, keep_axes=True) * points
        return totals + ops.flip(back, 2) - met, after
