"""Remember what was published."""

from __future__ import annotations

from typing import Self

from st.core.bus import EventBus
from st.core.events import E, Event
from st.core.subscription import EVERYTHING, Key


class EventRecorder:
    """Keeps every event published while it is entered, in order.

    Args:
        bus: Whose events.
        what: Which: a class, a name, or all.
    """

    def __init__(self, bus: EventBus, what: Key = EVERYTHING) -> None:
        self._bus = bus
        self._what = what
        self.events: list[Event] = []

    @property
    def names(self) -> list[str]:
        """The names of the events, in order."""
        return [event.event_name for event in self.events]

    def of(self, event_type: type[E]) -> list[E]:
        """The events of one class, in order."""
        return [event for event in self.events if isinstance(event, event_type)]

    def __enter__(self) -> Self:
        self._subscription = self._bus.subscribe(self._what, self.events.append)
        return self

    def __exit__(self, *_: object) -> None:
        self._subscription.close()
