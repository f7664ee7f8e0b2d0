"""The event bus: who listens to what, and the dispatch tables made of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import partial
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from st.core.errors import EventDepthError, EventNameError
from st.core.events import E, Event, ListenerFailed
from st.core.gate import Gate
from st.core.isolation import Call, n_under_way, outcomes, publisher, recorder
from st.core.record import Record, record
from st.core.subscription import EVERYTHING, Key, Once, Subscription, Topic

if TYPE_CHECKING:
    from st.core.stream import Stream
    from st.core.subscription import Options

# Nested publishes from which on a full stack counts as listeners setting each other off.
_RUNAWAY_DEPTH = 32


@record
class ListenerFailure(Record):
    """One listener that raised."""

    plugin_id: str
    error: Exception


@record
class DispatchReport(Record):
    """What became of one event: how many it matched and reached, and who failed."""

    matched: int
    delivered: int
    failures: tuple[ListenerFailure, ...]


class EventBus:
    """Hands events to listeners, each isolated from the others.

    Order is rank descending, then subscription, over class, base class, name and `"*"` alike.
    Publishing takes no lock and works on the listeners there were when it began. Safe to use
    from any thread; listeners run on the publisher's.

    What a listener raises as an `Exception` is its failure: counted, reported, and kept from the
    others. `sys.exit()` and Ctrl-C are no failures but orders to the whole process: SystemExit and
    KeyboardInterrupt pass through to the publisher, and the listeners behind are not called.

    >>> from st.core import EpochEnd
    >>> bus = EventBus()
    >>> with bus.subscribe(EpochEnd, lambda event: print(event.loss)):
    ...     bus.publish(EpochEnd(1, 0.25))
    0.25
    """

    #: Call everybody who listens to the event. A failing listener is counted, reported as
    #: `ListenerFailed`, and stops neither the others nor the publisher.
    publish: Callable[[Event], None]

    def __init__(self) -> None:
        # Re-entrant, because a finalizer that closes a subscription may run inside.
        self._lock = threading.RLock()
        self._sequence = 0
        self._by_key: dict[Key, dict[Subscription, None]] = {}
        self._by_call: dict[int, Subscription] = {}
        self._keys: dict[type[Event], tuple[Key, ...]] = {}
        self._fed_by: dict[Key, list[type[Event]]] = {}
        self._topics: dict[type[Event], Topic[Any]] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._table: dict[type[Event], tuple[Call, ...]] = {}
        self._gated: dict[type[Event], tuple[Call, ...]] = {}
        self._held: set[Key] = set()
        #: Closed while a plugin that hands over its state is exchanged.
        self.gate = Gate()
        self.publish = publisher(self._table, self._resolve, self._failed)

    # --- subscribing ----------------------------------------------------------------------------

    @overload
    def subscribe(
        self, what: type[E] | str, fn: Callable[[E], object], **options: Unpack[Options[E]]
    ) -> Subscription: ...
    @overload
    def subscribe(
        self, what: Key, fn: Call, *, raw: Literal[True], rank: int = 0
    ) -> Subscription: ...
    def subscribe(self, what: Key, fn: Call, **options: Any) -> Subscription:  # noqa: D417
        """Have `fn` called for every event of a class, of a name, or for all (`"*"`).

        Args:
            what: An event class (its subclasses count), a name, or `"*"`.
            fn: Called with the event. Held strongly until the subscription is closed.
            rank: Higher is called earlier; equal ranks in the order subscribed.
            once: Close the subscription before the first call.
            where: Call only for events this says yes to.
            exclude: With `"*"`: classes or names to leave out, so that their hot paths stay cold.
            raw: Call with the event's fields as one tuple instead of with the event.
            max_failures: Close the subscription when it has failed so often.

        Returns:
            The handle that undoes it.
        """
        made = Subscription(self, what, fn, **options)
        self.change(add=(made,))
        return made

    def stream(
        self, what: type[E] | str, *, maxsize: int = 1024
    ) -> AbstractAsyncContextManager[Stream[E]]:
        """Events for an asyncio task: `async with bus.stream(E) as s: async for event in s: ...`.

        At most `maxsize` are kept; the oldest make room and are counted in `s.n_dropped`.
        """
        from st.core.stream import Stream  # imports asyncio

        return Stream(self, what, maxsize)

    def change(
        self, *, add: Iterable[Subscription] = (), remove: Iterable[Subscription] = ()
    ) -> list[Subscription]:
        """Add and remove subscriptions in one write; gives those really removed."""
        removed: list[Subscription] = []
        touched: dict[Key, None] = {}
        with self._lock:
            for subscription in remove:
                if subscription.is_open:
                    self._remove(subscription)
                    touched[subscription.key] = None
                    removed.append(subscription)
            for subscription in add:
                self._add(subscription)
                touched[subscription.key] = None
            self._refresh_all(touched)
        return removed

    def _add(self, subscription: Subscription) -> None:
        if not isinstance(subscription.key, str):
            self._keys_of(subscription.key)
        self._sequence += 1
        subscription.sequence = self._sequence
        # A failing call is traced back to its subscription by identity.
        if id(subscription.call) in self._by_call:
            subscription.call = partial(subscription.call)
        self._by_call[id(subscription.call)] = subscription
        self._by_key.setdefault(subscription.key, {})[subscription] = None
        subscription.is_open = True

    def _remove(self, subscription: Subscription) -> None:
        subscription.is_open = False
        del self._by_call[id(subscription.call)]
        listeners = self._by_key[subscription.key]
        del listeners[subscription]
        if not listeners:
            del self._by_key[subscription.key]

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every open subscription, in the order they were made."""
        with self._lock:
            return tuple(self._by_call.values())

    # --- publishing -----------------------------------------------------------------------------

    def topic(self, event_type: type[E]) -> Topic[E]:
        """The handle for publishers that cannot afford to build an event nobody wants."""
        with self._lock:
            topic = self._topics.get(event_type)
            if topic is None:
                self._keys_of(event_type)
                topic = self._topics[event_type] = Topic(event_type)
                self._refresh(event_type)
        return topic

    def publish_report(self, event: Event) -> DispatchReport:
        """Publish, and say how many listeners it reached and which failed."""
        values, failures = self._ask(event)
        return DispatchReport(len(values) + len(failures), len(values), tuple(failures))

    def collect(self, event: Event) -> tuple[Any, ...]:
        """Publish, and give what the listeners returned, in order, without the Nones."""
        return tuple([value for value in self._ask(event)[0] if value is not None])

    def _ask(self, event: Event) -> tuple[list[object], list[ListenerFailure]]:
        event_type = event.__class__
        if event_type not in self._table:
            self._resolve(event_type)
        with self.gate if event_type in self._gated else nullcontext():
            # Looked up only now: while waiting, the listeners may have been exchanged.
            calls = self._gated.get(event_type) or self._table.get(event_type)
            answers = outcomes(self._resolve(event_type) if calls is None else calls, event)
        failures: list[ListenerFailure] = []
        for call, _, error in answers:
            if error is not None:
                failures.append(ListenerFailure(self._failed(call, event, error), error))
        return [value for _, value, error in answers if error is None], failures

    # --- dispatch tables ------------------------------------------------------------------------

    def _keys_of(self, event_type: type[Event]) -> tuple[Key, ...]:
        """Everything one can subscribe to and thereby get this event; claims its name."""
        keys = self._keys.get(event_type)
        if keys is None:
            module = sys.modules.get(event_type.__module__)
            origin = getattr(module, "__file__", None) or event_type.__module__
            owner = (origin, event_type.__qualname__)
            first = self._owners.setdefault(event_type.event_name, owner)
            if first != owner:
                raise EventNameError(
                    f"the event name {event_type.event_name!r} of {owner[1]} in {owner[0]} "
                    f"is taken by {first[1]} in {first[0]}; set another event_name in the class"
                )
            classes = [cls for cls in event_type.__mro__ if issubclass(cls, Event)]
            names = [cls.event_name for cls in classes]
            keys = self._keys[event_type] = (*classes, *names, EVERYTHING)
            for key in keys:
                self._fed_by.setdefault(key, []).append(event_type)
        return keys

    def _listeners(self, event_type: type[Event]) -> list[Subscription]:
        keys = self._keys_of(event_type)
        found = [
            subscription
            for key in keys
            for subscription in self._by_key.get(key, ())
            if not subscription.exclude or set(keys).isdisjoint(subscription.exclude)
        ]
        found.sort(key=lambda subscription: (-subscription.rank, subscription.sequence))
        return found

    def _resolve(self, event_type: type[Event]) -> tuple[Call, ...]:
        with self._lock:
            listeners = self._listeners(event_type)
            calls = tuple([subscription.call for subscription in listeners])
            if self._is_gated(event_type, listeners):
                self._gated[event_type] = calls
                calls = (self._ask,)
            self._table[event_type] = calls
        return calls

    def _is_gated(self, event_type: type[Event], listeners: list[Subscription]) -> bool:
        return any(listener.is_gated for listener in listeners) or not self._held.isdisjoint(
            self._keys[event_type]
        )

    def _refresh(self, event_type: type[Event]) -> None:
        self._table.pop(event_type, None)
        self._gated.pop(event_type, None)
        topic = self._topics.get(event_type)
        if topic is None:
            return
        n_listeners = sum([len(self._by_key.get(key, ())) for key in self._keys[event_type]])
        # Few listeners are resolved at once, so that `record` is final; many, when it is called.
        if n_listeners <= 4:
            topic.record = self._record_for(event_type)
        else:
            topic.record = partial(self._first_record, topic)

    def _first_record(self, topic: Topic[Any], fields: tuple[Any, ...]) -> None:
        with self._lock:
            topic.record = record = self._record_for(topic.event_type)
        if record is not None:
            record(fields)

    def _record_for(self, event_type: type[Event]) -> Callable[[tuple[Any, ...]], object] | None:
        listeners = self._listeners(event_type)
        is_gated = self._is_gated(event_type, listeners)
        if not listeners and not is_gated:
            return None
        calls = tuple([call for listener in listeners if (call := listener.raw_call) is not None])
        if is_gated or len(calls) < len(listeners):
            return lambda fields: self.publish(event_type(*fields))
        if len(calls) == 1 and type(calls[0]) is BuiltinFunctionType:
            return calls[0]
        return recorder(calls, partial(self._raw_failed, event_type, listeners))

    @contextmanager
    def exchange(self, plugin_id: str, timeout_s: float) -> Iterator[bool]:
        """Keep events from a plugin that hands over its state, without losing any.

        Publishers of anything it listens to wait at the gate while inside, also when its
        listeners are gone for a moment. Gives False, with the gate open, when events that were
        under way took longer than `timeout_s`.
        """
        with self._lock:
            listeners = [item for item in self._by_call.values() if item.plugin_id == plugin_id]
            keys = {listener.key for listener in listeners if listener.is_gated}
            self._held |= keys
            self._refresh_all(keys)
        is_quiet = self.gate.close(timeout_s)
        try:
            yield is_quiet
        finally:
            with self._lock:
                self._held -= keys
                self._refresh_all(keys)
            if is_quiet:
                self.gate.open()

    def _refresh_all(self, keys: Iterable[Key]) -> None:
        for key in keys:
            for event_type in self._fed_by.get(key, ()):
                self._refresh(event_type)

    def forget(self, module_names: frozenset[str]) -> None:
        """Let go of the event classes of modules that are being dropped."""
        if not module_names:
            return
        with self._lock:
            for event_type in [cls for cls in self._keys if cls.__module__ in module_names]:
                for key in self._keys.pop(event_type):
                    self._fed_by[key].remove(event_type)
                    if not self._fed_by[key]:
                        del self._fed_by[key]
                for table in (self._table, self._gated, self._topics):
                    table.pop(event_type, None)

    # --- failures -------------------------------------------------------------------------------

    def _raw_failed(
        self,
        event_type: type[Event],
        listeners: list[Subscription],
        call: Call,
        fields: tuple[Any, ...],
        error: Exception,
    ) -> None:
        subscription = next(item for item in listeners if item.raw_call is call)
        self._failed(subscription.call, event_type(*fields), error)

    def _failed(self, call: Call, event: Event, error: Exception) -> str:
        """Count and report a failure; the id of the plugin whose it is."""
        if isinstance(error, RecursionError):
            error = _runaway(event, error)
        subscription = call.subscription if isinstance(call, Once) else self._by_call.get(id(call))
        # None when it was closed while it ran: there is nothing left to count on.
        plugin_id = "" if subscription is None else subscription.plugin_id
        if subscription is not None:
            self._count(subscription, event, error)
        if not isinstance(event, ListenerFailed):
            self.publish(ListenerFailed(event, plugin_id, error))
        return plugin_id

    def _count(self, subscription: Subscription, event: Event, error: Exception) -> None:
        subscription.n_failures += 1
        if type(error) not in subscription.logged:
            subscription.logged = (*subscription.logged, type(error))
            from st.core.log import logger  # 13 ms, only paid when something fails

            logger("core.bus").warning(
                "%r failed on %s", subscription, event.event_name, exc_info=error
            )
        limit = subscription.max_failures
        if limit is not None and subscription.n_failures >= limit:
            subscription.close()


def _runaway(event: Event, error: RecursionError) -> Exception:
    """Tell listeners that set each other off from one that recurses on its own.

    Raises:
        EventDepthError: Through all nested publishes but the outermost, which reports it.
    """
    depth = n_under_way(sys._getframe())
    if isinstance(error, EventDepthError):
        if depth > 1:
            raise error
        return error
    if depth < _RUNAWAY_DEPTH:
        return error
    raise EventDepthError(
        f"{event.event_name} was published {depth} deep inside its own listeners; "
        "a listener must not publish what makes it run again"
    ) from None
