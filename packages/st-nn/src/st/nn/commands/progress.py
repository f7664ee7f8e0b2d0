"""How training goes, as it goes: one living line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from st.core import EpochEnd, EventBus, Subscription, Telemetry
from st.nn.commands.terminal import bar

_BAR = 20
_PLAIN_LINES = 20
"""About as many lines are printed where a line cannot be replaced."""


class Progress:
    """Shows every epoch that ends while it is entered. A listener, like any plugin's."""

    def __init__(self, console: Console, bus: EventBus, epochs: int) -> None:
        self._console = console
        self._bus = bus
        self._epochs = epochs
        self._latest: Mapping[str, float] = {}
        self._live: Live | None = None
        self._subscriptions: list[Subscription] = []

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._subscriptions = [
            self._bus.subscribe(Telemetry, self._remember),
            self._bus.subscribe(EpochEnd, self._show),
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        if self._live is not None:
            self._live.stop()

    def _remember(self, event: Telemetry) -> None:
        if {"epoch", "loss"} <= event.data.keys():
            self._latest = event.data

    def _show(self, event: EpochEnd) -> None:
        line = self._line(event)
        if self._live is not None:
            self._live.update(line, refresh=True)
        elif event.epoch % math.ceil(self._epochs / _PLAIN_LINES) == 0 or (
            event.epoch == self._epochs
        ):
            self._console.print(line)

    def _line(self, event: EpochEnd) -> Text:
        done = f"{event.epoch:>{len(str(self._epochs))}}/{self._epochs}"
        line = Text(f"epoch {done} ")
        if self._live is not None:
            filled = bar(event.epoch / self._epochs, _BAR)
            line.append(filled.rstrip(), "green")
            line.append(f"{'━' * (_BAR - len(filled.rstrip()))}", "bright_black")
        line.append(f" loss {event.loss:.3f}  held out ")
        line.append(_held_out(self._latest), "bold")
        line.append(f"  {_rounded(self._latest['images_per_second']):,} images/s")
        return line


def _held_out(told: Mapping[str, float]) -> str:
    if "held_out_accuracy" in told:
        return f"{told['held_out_accuracy']:.3f}"
    return f"rmse {told['held_out_rmse']:.4g}"


def _rounded(speed: float) -> int:
    """Round to the digits that mean something: two."""
    digits = 1 - math.floor(math.log10(speed)) if speed > 1 else 0
    return int(round(speed, digits))
