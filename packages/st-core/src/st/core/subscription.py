"""One listener's place on the bus, and the hot-path handle of an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeAlias

from st.core.errors import EventError
from st.core.events import E, Event
from st.core.isolation import Call

if TYPE_CHECKING:
    from typing import TypedDict

    from st.core.bus import EventBus

    class Options(TypedDict, Generic[E], total=False):
        """What may be said when subscribing; `EventBus.subscribe` explains each."""

        rank: int
        once: bool
        where: Callable[[E], object] | None
        exclude: tuple[Key, ...]
        max_failures: int | None


#: What one can subscribe to: an event class, the name of one, or "*".
Key: TypeAlias = type[Event] | str
EVERYTHING: Final = "*"


class Subscription:
    """A listener's place on a bus. Closing it, also by leaving `with`, takes it off.

    Attributes:
        key: The class, name or "*" subscribed to.
        plugin_id: Whose it is, "" when no plugin's.
        n_failures: How often the listener has raised.
        is_open: Whether the listener is still called.
        call: What the bus calls with an event, and
        raw_call: with the event's fields; None for a listener that wants event objects.
    """

    def __init__(
        self,
        bus: EventBus,
        key: Key,
        fn: Call,
        *,
        rank: int = 0,
        once: bool = False,
        where: Callable[[Any], object] | None = None,
        exclude: tuple[Key, ...] = (),
        raw: bool = False,
        max_failures: int | None = None,
        plugin_id: str = "",
        is_gated: bool = False,
    ) -> None:
        if raw and key == EVERYTHING:
            raise EventError("subscribe('*', raw=True): bare fields do not say which event")
        if raw and (once or where is not None):
            raise EventError("subscribe(..., raw=True) takes every event: no once, no where")
        if exclude and key != EVERYTHING:
            raise EventError(f"subscribe({key!r}, exclude=...): only '*' excludes events")
        self.bus = bus
        self.key = key
        self.fn = fn
        self.rank = rank
        self.where = where
        self.exclude = exclude
        self.max_failures = max_failures
        self.plugin_id = plugin_id
        self.is_gated = is_gated
        self.is_open = False
        self.n_failures = 0
        self.sequence = 0
        self.logged: tuple[type[Exception], ...] = ()
        self.raw_call = fn if raw else None
        self.call: Call = fn
        if raw:
            self.call = lambda event: fn(event.as_record())
        elif once:
            self.call = Once(self)
        elif where is not None:
            self.call = lambda event: fn(event) if where(event) else None

    def close(self) -> bool:
        """Take the listener off the bus. False when it was off already.

        A publish that is under way on another thread may still call it once.
        """
        return bool(self.bus.change(remove=(self,)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        what = self.key if isinstance(self.key, str) else self.key.event_name
        return f"<Subscription to {what} of {self.plugin_id or 'no plugin'}>"


class Once:
    """A listener that closes its subscription before it is called for the first time."""

    __slots__ = ("subscription",)

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription

    def __call__(self, event: Event) -> object:
        """Call the listener if this is the first event it wants."""
        where = self.subscription.where
        if where is not None and not where(event):
            return None
        # Of two publishing threads only one gets True from close().
        return self.subscription.fn(event) if self.subscription.close() else None


class Topic(Generic[E]):
    """The hot-path handle of one event class; get it from `EventBus.topic`.

    `record` is None while nobody listens, so that asking costs one attribute test; else it is a
    callable that takes the event's fields, in declared order, as one tuple:

        if (record := topic.record) is not None:
            record(("matmul", shapes, start_ns, end_ns, "NumPy", ""))

    With a single raw listener that is a C function it is that very function. It is replaced when
    listeners come and go: read it again for every step, keep it no longer.
    """

    __slots__ = ("event_type", "record")

    def __init__(self, event_type: type[E]) -> None:
        self.event_type = event_type
        self.record: Callable[[tuple[Any, ...]], object] | None = None

    def __repr__(self) -> str:
        return f"<Topic {self.event_type.event_name}>"
