"""What a Z-space sequencer is made with."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta

from st.nn.modules.base import Module

RESONATING_TAPS, PLAIN_TAPS = 64, 16
STEEPEST = 60.0
"""What the logarithms of a chunk's decays add up to at most; float32 overflows at e to the 88."""


class ZSpaceConfig(Module, frozen=True):
    """The fields of a sequencer, which experiment files spell alike."""

    heads: Annotated[int, Meta(ge=1, description="Parts the width is divided into.")] = 4
    bands: Annotated[int, Meta(ge=1, description="Pulses of a head.")] = 8
    taps: Annotated[
        int | None,
        Meta(description="Rows a channel's filter sees, 1 or more; 64 with resonators, else 16."),
    ] = None
    orders: Annotated[
        tuple[float, ...], Meta(description="First orders of the differences; one of them is 0.")
    ] = (0.0, 1.0, 2.0, -0.5)
    resonators: Annotated[int, Meta(ge=0, description="Damped waves among the taps.")] = 8
    resonator_init: Annotated[
        float, Meta(ge=0, description="How much of each wave a filter begins with.")
    ] = 0.03
    curvature: Annotated[
        float, Meta(ge=0, description="First c; space has the curvature -c, and is flat at 0.")
    ] = 1.0
    learn_curvature: Annotated[bool, Meta(description="Whether c is trained.")] = True
    radius: Annotated[float, Meta(gt=0, description="How far from the origin points stay.")] = 3.0
    horizon: Annotated[
        int, Meta(ge=2, description="Rows that the last head remembers at first.")
    ] = 512
    chunk: Annotated[int, Meta(ge=8, le=256, description="Rows summed up at once.")] = 64
    causal: Annotated[
        bool, Meta(description="Whether a row sees only itself and those before it.")
    ] = True

    def __post_init__(self) -> None:
        """Check what a program gives, and what the types cannot say.

        Raises:
            ValueError: Names the field and the legal range.
        """
        _check("heads", self.heads, self.heads >= 1, "1 or more")
        _check("bands", self.bands, self.bands >= 1, "1 or more")
        _check("taps", self.taps, self.taps is None or self.taps >= 1, "1 or more, or left out")
        finite = all(map(math.isfinite, self.orders))
        _check("orders", self.orders, finite and 0.0 in self.orders, "finite, one of them 0")
        _check("resonators", self.resonators, self.resonators >= 0, "0 or more")
        _check_not_negative("resonator_init", self.resonator_init, "finite and 0 or more")
        allowed = "finite and 0 or more: give c, the space then has the curvature -c"
        _check_not_negative("curvature", self.curvature, allowed)
        _check("radius", self.radius, 0 < self.radius < math.inf, "finite and above 0")
        _check("horizon", self.horizon, self.horizon >= 2, "2 or more")
        _check("chunk", self.chunk, 8 <= self.chunk <= 256, "8 to 256")

    @property
    def n_taps(self) -> int:
        """Rows that a channel's filter sees."""
        if self.taps is not None:
            return self.taps
        return RESONATING_TAPS if self.resonators else PLAIN_TAPS

    @property
    def steepest_decay(self) -> float:
        """How far the logarithm of a decay goes below 0 in one row, at most."""
        return STEEPEST / self.chunk

    @property
    def n_directions(self) -> int:
        """1 where the past is seen alone, 2 where the future is as well."""
        return 1 if self.causal else 2


def _check_not_negative(name: str, value: float, allowed: str) -> None:
    _check(name, value, 0 <= value < math.inf, allowed)


def _check(name: str, value: object, is_legal: bool, allowed: str) -> None:
    if not is_legal:
        raise ValueError(f"{name} is {value!r}; legal is {allowed}")
