"""When to listen to single operations: always, some of the time, or as a budget allows.

A listener makes every backend time each of its calls, which costs several percent of a small
training step, whatever the listener does. So `sample` and `auto` listen in windows and leave the
backends alone in between; what is counted is marked with the share of time it was listened.
"""

from __future__ import annotations

import math
from typing import Final, Literal

__all__ = ["MODES", "Cost", "Mode", "Sampling"]

Mode = Literal["off", "count", "sample", "full", "auto"]
MODES: Final[tuple[Mode, ...]] = ("off", "count", "sample", "full", "auto")

WINDOW_S: Final = 0.02
SAMPLE_SHARE: Final = 1 / 16
# A short look at the start tells what listening costs here; it is longer than any one step.
FIRST_WINDOW_S: Final = 0.01
LONGEST_PAUSE_S: Final = 10.0
# Ending a pause costs as well: many short ones would never pay off what is owed.
SHORTEST_PAUSE_S: Final = 0.1
# What a quiet time may be saved up for: idleness does not buy a stretch of full cost.
LONGEST_CREDIT_S: Final = 0.1


class Cost:
    """What watching has cost so far, in seconds of one core.

    Attributes:
        per_record_ns: What a record costs its publisher, the two clock readings included.
        n_records: Records published.
        drain_s: CPU time of the draining thread.
    """

    def __init__(self, per_record_ns: float) -> None:
        self.per_record_ns = per_record_ns
        self.n_records = 0
        self.drain_s = 0.0

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.n_records * self.per_record_ns * 1e-9 + self.drain_s


class Sampling:
    """Decides, at the end of each stretch, whether to listen in the next and how long it is.

    Args:
        mode: "off" never listens; "count" and "full" always do; "sample" one sixteenth of the
            time; "auto" as long as what watching costs stays within `budget`.
        budget: Share of the process's time that watching may cost, above 0.
    """

    def __init__(self, mode: Mode, budget: float) -> None:
        self.mode = mode
        self.budget = budget
        self.is_listening = False
        self.length_s = math.inf
        self._owed_s = self._worst_s = 0.0

    def start(self) -> None:
        """Begin anew, with a first stretch that listens unless the mode is "off"."""
        self.is_listening = self.mode != "off"
        is_windowed = self.mode in ("sample", "auto")
        self.length_s = FIRST_WINDOW_S if is_windowed else math.inf
        self._owed_s = self._worst_s = 0.0

    def stretch_ended(self, lasted_s: float, cost_s: float) -> None:
        """Choose the next stretch.

        Args:
            lasted_s: How long the process worked in the one that ends.
            cost_s: What watching cost in it.
        """
        if self.mode not in ("sample", "auto"):
            return
        if self.mode == "sample":
            self.is_listening = not self.is_listening
            self.length_s = WINDOW_S if self.is_listening else WINDOW_S / SAMPLE_SHARE - WINDOW_S
            return
        # The account: what was spent, less what the budget allowed meanwhile.
        owed_s = self._owed_s + cost_s - self.budget * lasted_s
        self._worst_s = max(self._worst_s, cost_s if self.is_listening else 0.0)
        # What watching costs a process that waits is paid for ten seconds of work, no longer.
        self._owed_s = min(owed_s, max(self.budget * LONGEST_PAUSE_S, self._worst_s))
        self._owed_s = max(self._owed_s, -self.budget * LONGEST_CREDIT_S)
        if self._owed_s > 0:
            self.is_listening = False
            pause_s = max(self._owed_s / self.budget, SHORTEST_PAUSE_S)
            self.length_s = min(pause_s, LONGEST_PAUSE_S)
        else:
            self.is_listening = True
            self.length_s = WINDOW_S
