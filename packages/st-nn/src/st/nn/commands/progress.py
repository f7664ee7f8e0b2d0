"""How training goes, as it goes: one living line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from st.core import EpochEnd, EventBus, Subscription, Telemetry
from st.nn.commands.terminal import bar
from st.nn.data import Dataset
from st.nn.train import BatchesDone

_BAR = 20
_HELD_OUT = "held_out_"
_PLAIN_LINES = 20
"""About as many epochs are printed where a line cannot be replaced."""

_PATIENCE_S = 20.0
"""After so long without a line there is one inside an epoch."""


class Progress:
    """Shows every epoch that ends while it is entered. A listener, like any plugin's."""

    def __init__(self, console: Console, bus: EventBus, epochs: int, data: Dataset) -> None:
        self._console = console
        self._bus = bus
        self._epochs = epochs
        self._is_text = data.is_text
        self._unit = "characters" if data.is_text else "images"
        self._n_units = data.x[0].size if data.is_text else 1
        self._printed_at = time.monotonic()
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
            self._bus.subscribe(BatchesDone, self._show_part),
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
        line = self._line(event.epoch, event.epoch / self._epochs)
        speed = _rounded(self._latest["images_per_second"] * self._n_units)
        line.append(f" loss {event.loss:.3f}  held out ")
        line.append(_held_out(self._latest, is_text=self._is_text), "bold")
        line.append(f"  {speed:,} {self._unit}/s")
        is_due = event.epoch % math.ceil(self._epochs / _PLAIN_LINES) == 0
        self._put(line, is_due=is_due or event.epoch == self._epochs)

    def _show_part(self, event: BatchesDone) -> None:
        share = event.n_done / event.n_batches
        line = self._line(event.epoch, (event.epoch - 1 + share) / self._epochs)
        line.append(f" loss {event.loss:.3f}  after {share:.0%} of it")
        self._put(line, is_due=time.monotonic() - self._printed_at >= _PATIENCE_S)

    def _put(self, line: Text, *, is_due: bool) -> None:
        if self._live is not None:
            self._live.update(line, refresh=True)
        elif is_due:
            self._console.print(line)
            self._printed_at = time.monotonic()

    def _line(self, epoch: int, share: float) -> Text:
        line = Text(f"epoch {epoch:>{len(str(self._epochs))}}/{self._epochs} ")
        if self._live is not None:
            filled = bar(share, _BAR)
            line.append(filled.rstrip(), "green")
            line.append(f"{'━' * (_BAR - len(filled.rstrip()))}", "bright_black")
        return line


def _held_out(told: Mapping[str, float], *, is_text: bool) -> str:
    """Return what is told of the data held out, first what matters most."""
    figures = {
        name.removeprefix(_HELD_OUT): value
        for name, value in told.items()
        if name.startswith(_HELD_OUT)
    }
    if is_text:
        first = f"{figures.pop('nats'):.3f} nats per character"
        figures.pop("accuracy", None)
    elif "accuracy" in figures:
        first = f"{figures.pop('accuracy'):.3f}"
    else:
        first = f"rmse {figures.pop('rmse'):.4g}"
        figures.pop("r2", None)
    return ", ".join([first, *(f"{name} {value:.4g}" for name, value in figures.items())])


def _rounded(speed: float) -> int:
    """Round to the digits that mean something: two."""
    digits = 1 - math.floor(math.log10(speed)) if speed > 1 else 0
    return int(round(speed, digits))
