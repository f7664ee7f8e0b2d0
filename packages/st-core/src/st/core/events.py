"""What happens, as typed facts: the built-in events and how to declare more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar, dataclass_transform

from st.core.errors import EventNameError
from st.core.record import Record, record

_T = TypeVar("_T")


class Event(Record):
    """Something that happened. Subclasses are declared with `@event`.

    `event_name` is what the event is addressed by as text: the name of the class, unless the
    class body sets another.
    """

    __slots__ = ()
    event_name: ClassVar[str] = "Event"

    def __init_subclass__(cls) -> None:
        if "event_name" not in cls.__dict__:
            cls.event_name = cls.__name__

    def __init__(self, *values: Any, **named: Any) -> None:
        # As a record's, but the usual case takes no further call: 200 ns against 400.
        is_whole = len(values) == len(self.__match_args__) and not named
        self._values = values if is_whole else self._completed(values, named)

    def as_record(self) -> tuple[Any, ...]:
        """The fields in declared order, as `Topic.record` takes them."""
        return self._values


E = TypeVar("E", bound=Event)


@dataclass_transform(frozen_default=True)
def event(cls: type[E]) -> type[E]:
    """Declare an event: a class whose annotated names are its fields, read-only.

    >>> @event
    ... class Saved(Event):
    ...     path: str
    >>> Saved("model")
    Saved(path='model')

    Fields are part of the contract: only ever append to them.
    """
    return record(cls)


@event
class SystemInit(Event):
    """All plugins that load at the start have loaded."""


@event
class SystemShutdown(Event):
    """The registry is about to unload every plugin."""


@event
class PluginLoaded(Event):
    """A plugin became active; `seconds` it took, with what it requires, 0 when not measured."""

    plugin_id: str
    seconds: float = 0.0


@event
class PluginUnloaded(Event):
    """A plugin is gone; `errors` are those its clean-up raised."""

    plugin_id: str
    errors: tuple[BaseException, ...] = ()


@event
class PluginFailed(Event):
    """A plugin could not be loaded; `state` is what it is in now ("failed", "unavailable")."""

    plugin_id: str
    state: str
    reason: str


@event
class ListenerFailed(Event):
    """A listener raised; the others were called all the same."""

    event: Event
    plugin_id: str
    error: BaseException


@event
class ServiceRegistered(Event):
    """A service can be had."""

    name: str
    plugin_id: str


@event
class ServiceUnregistered(Event):
    """A service is gone; who holds the object still holds it."""

    name: str
    plugin_id: str


@event
class ConfigChanged(Event):
    """The value somebody reads under `key` of `plugin_id` ("" for all) is now another."""

    plugin_id: str
    key: str
    value: object


@event
class TensorOp(Event):
    """One operation ran. Times in nanoseconds of `time.perf_counter_ns`."""

    op_name: str
    shapes: tuple[tuple[int, ...], ...]
    start_ns: int
    end_ns: int
    backend: str
    where: str


@event
class EpochStart(Event):
    """An epoch begins; they count from 1."""

    epoch: int


@event
class EpochEnd(Event):
    """An epoch is over; `loss` is its mean."""

    epoch: int
    loss: float


@event
class BackendChanged(Event):
    """Work now runs on another backend, and why."""

    backend: str
    reason: str = ""


@event
class Telemetry(Event):
    """Numbers somebody measured, by name."""

    data: Mapping[str, float]


@event
class RunStarted(Event):
    """A run begins; `config` and `versions` can be written as JSON."""

    run_id: str
    directory: str
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    seed: int


@event
class RunFinished(Event):
    """A run is over; `status` is "finished", "interrupted" or "failed"."""

    run_id: str
    status: str
    summary: Mapping[str, Any]


@event
class CustomEvent(Event, Generic[_T]):
    """An event without a class of its own; make one with `PluginEvent.custom`."""

    event_type: str
    data: _T

    def downcast(self, kind: type[_T]) -> _T | None:
        """The data when it is a `kind`, else None."""
        return self.data if isinstance(self.data, kind) else None


# One class per custom name, so that custom events are dispatched exactly like typed ones. The
# table holds as many classes as there are names in the source of the running plugins.
_custom_classes: dict[str, type[CustomEvent[Any]]] = {}


class PluginEvent:
    """The built-in events under one roof, and events made up on the spot.

    >>> PluginEvent.EpochStart(epoch=1)
    EpochStart(epoch=1)
    >>> PluginEvent.custom("Saved", {"path": "model"}).event_name
    'Saved'
    """

    SystemInit = SystemInit
    SystemShutdown = SystemShutdown
    PluginLoaded = PluginLoaded
    PluginUnloaded = PluginUnloaded
    PluginFailed = PluginFailed
    ListenerFailed = ListenerFailed
    ServiceRegistered = ServiceRegistered
    ServiceUnregistered = ServiceUnregistered
    ConfigChanged = ConfigChanged
    TensorOp = TensorOp
    EpochStart = EpochStart
    EpochEnd = EpochEnd
    BackendChanged = BackendChanged
    Telemetry = Telemetry
    RunStarted = RunStarted
    RunFinished = RunFinished

    @staticmethod
    def custom(event_type: str, data: _T) -> CustomEvent[_T]:
        """An event addressed by `event_type`, carrying `data`.

        Raises:
            EventNameError: When `event_type` is the name of a built-in event, or empty.
        """
        cls = _custom_classes.get(event_type)
        if cls is None:
            if not event_type or event_type == "*" or event_type in BUILT_IN:
                raise EventNameError(
                    f"{event_type!r} cannot name an event of your own: "
                    "it is empty, '*' or the name of a built-in event"
                )
            body = {"__slots__": (), "event_name": event_type, "__doc__": CustomEvent.__doc__}
            made = type(event_type, (CustomEvent,), body)
            cls = _custom_classes.setdefault(event_type, made)
        return cls(event_type, data)


#: The built-in events by name.
BUILT_IN: Final[Mapping[str, type[Event]]] = {
    cls.event_name: cls
    for cls in (*vars(PluginEvent).values(), CustomEvent)
    if isinstance(cls, type) and issubclass(cls, Event)
}
