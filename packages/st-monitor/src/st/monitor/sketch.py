"""Distributions of any length in little memory: logarithmic buckets, 16 to an octave.

A bucket spans a factor of 2 ** (1/16), the law of OpenTelemetry's exponential histograms at
scale 4 and of Prometheus' native ones, so the geometric middle of a bucket is within
2 ** (1/32) - 1 = 2.2 % of any value in it. Counts are integers: the sketches of parts, merged,
are the sketch of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from st.monitor.plain import Json, as_number, plain

__all__ = ["BUCKETS_PER_OCTAVE", "Sketch", "bucket_of", "middle"]

BUCKETS_PER_OCTAVE = 16
# The logarithms of float64 lie between -1074 and 1024, so this keeps every key positive.
OFFSET = 1100 * BUCKETS_PER_OCTAVE


def bucket_of(value: float) -> int:
    """Return the bucket of a finite value; sorting buckets sorts the values they stand for.

    Zero has the bucket 0, what is negative the negative of its mirror image's.
    """
    if value == 0:
        return 0
    bucket = OFFSET + math.floor(math.log2(abs(value)) * BUCKETS_PER_OCTAVE)
    return bucket if value > 0 else -bucket


def middle(bucket: int) -> float:
    """Return the value a bucket stands for, its geometric middle."""
    if bucket == 0:
        return 0.0
    exponent = (abs(bucket) - OFFSET + 0.5) / BUCKETS_PER_OCTAVE
    return math.copysign(math.pow(2.0, min(exponent, 1023.99)), bucket)


class Sketch:
    """Count, sum, extremes and quantiles of finite numbers; not safe to share between threads.

    >>> sketch = Sketch()
    >>> for milliseconds in range(1, 101): sketch.add(milliseconds / 1000)
    >>> sketch.n, sketch.high, round(sketch.quantile(0.5), 2)
    (100, 0.1, 0.05)

    Attributes:
        n: How many numbers were added.
        total: Their sum.
        low: The lowest, infinity when there is none.
        high: The highest, -infinity when there is none.
        buckets: How many fell into each bucket (:func:`bucket_of`).
    """

    __slots__ = ("buckets", "high", "low", "n", "total")

    def __init__(self) -> None:
        self.n = 0
        self.total: float = 0  # whole as long as what is added is
        self.low = math.inf
        self.high = -math.inf
        self.buckets: dict[int, int] = {}

    def add(self, value: float) -> None:
        """Take in one finite number."""
        self.n += 1
        self.total += value
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        bucket = bucket_of(value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Sketch) -> None:
        """Take in all that `other` took in."""
        self.n += other.n
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        for bucket, n in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + n

    def quantile(self, q: float) -> float:
        """Return the value below which the share `q` (0 to 1) lies; NaN when there is none."""
        return self.at_rank(q * (self.n - 1))

    def at_rank(self, rank: float) -> float:
        """Return the value that `rank` (from 0) numbers lie below; NaN when there is none."""
        if self.n == 0:
            return math.nan
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen > rank:
                return min(max(middle(bucket), self.low), self.high)
        return self.high

    def to_json(self) -> dict[str, Json]:
        """Return the sketch as JSON data; :meth:`from_json` is the inverse."""
        return {
            "n": self.n,
            "total": plain(self.total),
            "low": plain(self.low),
            "high": plain(self.high),
            "buckets": {str(bucket): n for bucket, n in sorted(self.buckets.items())},
        }

    @classmethod
    def from_json(cls, facts: Json) -> Sketch:
        """Return the sketch that was stored; whatever does not belong there is left out."""
        stored = facts if isinstance(facts, dict) else {}
        sketch = cls()
        buckets = stored.get("buckets")
        sketch.buckets = dict(_counts(buckets if isinstance(buckets, dict) else {}))
        sketch.n = sum(sketch.buckets.values())
        sketch.total = as_number(stored.get("total")) or 0.0
        if sketch.n:
            low, high = as_number(stored.get("low")), as_number(stored.get("high"))
            sketch.low = middle(min(sketch.buckets)) if low is None else low
            sketch.high = middle(max(sketch.buckets)) if high is None else high
        return sketch


def _counts(stored: Mapping[str, Json]) -> Iterable[tuple[int, int]]:
    for key, n in stored.items():
        is_key = key.removeprefix("-").isdecimal() and len(key) < 8
        if is_key and isinstance(n, int) and n > 0:
            yield int(key), n
