"""A plugin's scope: everything it does through its context is undone when it unloads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Unpack, overload

from st.core.errors import ClosedContextError
from st.core.events import E, Event, PluginFailed
from st.core.isolation import Call, attempt
from st.core.service import ServiceKey, ServiceReference, Tracker
from st.core.services import as_key
from st.core.subscription import Key, Subscription, Topic

if TYPE_CHECKING:
    from logging import Logger

    from st.core.registry import Registry
    from st.core.subscription import Options

_T = TypeVar("_T")
_D = TypeVar("_D")

_MISSING: Final[Any] = object()
#: How long unloading waits for a spawned thread to heed its stop event.
JOIN_TIMEOUT_S: Final = 5.0


class PluginContext:
    """What a plugin works through; passed to `on_load` and `on_unload`.

    Whatever it registers, subscribes or enters is recorded here and undone in reverse order when
    the plugin unloads, or fails to load. During `on_unload` it may still publish and look things
    up, but not register; afterwards every use raises ClosedContextError.

    Attributes:
        registry: The registry the plugin is in.
        plugin_id: The plugin's id.
    """

    def __init__(
        self,
        registry: Registry,
        plugin_id: str,
        *,
        is_gated: bool = False,
        is_staged: bool = False,
    ) -> None:
        self.registry = registry
        self.plugin_id = plugin_id
        self._is_gated = is_gated
        self._is_staged = is_staged
        self._phase: Literal["open", "unloading", "closed"] = "open"
        self._subscriptions: list[Subscription] = []
        self._references: list[ServiceReference] = []
        self._undo: list[Callable[[], object]] = []

    # --- events ---------------------------------------------------------------------------------

    @overload
    def subscribe(
        self, what: type[E] | str, fn: Callable[[E], object], **options: Unpack[Options[E]]
    ) -> Subscription: ...
    @overload
    def subscribe(
        self, what: Key, fn: Call, *, raw: Literal[True], rank: int = 0
    ) -> Subscription: ...
    def subscribe(self, what: Key, fn: Call, **options: Any) -> Subscription:
        """Have `fn` called for events until the plugin unloads; see `EventBus.subscribe`."""
        self._check_open()
        bus = self.registry.bus
        made = Subscription(
            bus, what, fn, plugin_id=self.plugin_id, is_gated=self._is_gated, **options
        )
        self._subscriptions.append(made)
        if not self._is_staged:
            bus.change(add=(made,))
        return made

    def publish(self, event: Event) -> None:
        """Tell everybody who listens."""
        self._check_usable()
        self.registry.bus.publish(event)

    def topic(self, event_type: type[E]) -> Topic[E]:
        """The hot-path handle of an event; see `Topic`."""
        self._check_usable()
        return self.registry.bus.topic(event_type)

    # --- services -------------------------------------------------------------------------------

    def register_service(
        self,
        key: ServiceKey[_T] | str,
        service: _T | None = None,
        *,
        factory: Callable[[], _T] | None = None,
        rank: int = 0,
    ) -> ServiceReference:
        """Offer a service until the plugin unloads; see `Services.register`."""
        self._check_open()
        services = self.registry.services
        made = ServiceReference(services, as_key(key), service, factory, rank, self.plugin_id)
        self._references.append(made)
        if not self._is_staged:
            services.change(add=(made,))
        return made

    @overload
    def get_service(self, key: ServiceKey[_T]) -> _T: ...
    @overload
    def get_service(self, key: ServiceKey[_T], default: _D) -> _T | _D: ...
    @overload
    def get_service(self, key: str, default: object = ...) -> Any: ...
    def get_service(self, key: ServiceKey[Any] | str, default: object = ...) -> Any:
        """A service, its provider loaded if need be; see `Registry.get_service`.

        The object stays the one obtained: a plugin that holds one is restarted when the provider
        goes. Use `track` to follow changes instead.
        """
        self._check_usable()
        registry = self.registry
        service = registry.get_service(key, default)
        reference = registry.services.find(key)
        if reference is not None and reference.plugin_id not in ("", self.plugin_id):
            with registry.plugins.lock:
                registry.plugins.edges.use(self.plugin_id, reference.plugin_id)
        return service

    def track(
        self,
        key: ServiceKey[_T] | str,
        added: Callable[[_T], object],
        removed: Callable[[_T], object] | None = None,
    ) -> Tracker:
        """Follow the providers of a service as they come and go; see `Services.track`."""
        self._check_open()
        tracker = self.registry.services.track(key, added, removed, plugin_id=self.plugin_id)
        self._undo.append(tracker.close)
        return tracker

    # --- configuration --------------------------------------------------------------------------

    def get_config(self, key: str, default: object = None) -> Any:
        """A value of the plugin's own configuration, else one that is set for all."""
        self._check_usable()
        config = self.registry.config
        value = config.get(self.plugin_id, key, _MISSING)
        return config.get("", key, default) if value is _MISSING else value

    def set_config(self, key: str, value: object) -> None:
        """Write a value; what was written before comes back when the plugin unloads."""
        self._check_open()
        self._undo.append(self.registry.config.set(self.plugin_id, key, value))

    # --- everything else ------------------------------------------------------------------------

    def enter_context(self, manager: AbstractContextManager[_T]) -> _T:
        """Enter a context manager; it is left when the plugin unloads."""
        self._check_open()
        entered = manager.__enter__()
        self._undo.append(lambda: manager.__exit__(None, None, None))
        return entered

    def callback(self, fn: Callable[..., object], *args: object) -> None:
        """Have `fn(*args)` called when the plugin unloads."""
        self._check_open()
        self._undo.append(lambda: fn(*args))

    def spawn(self, target: Callable[[threading.Event], object]) -> threading.Thread:
        """Run `target(stop)` in a thread of its own; it is to return soon after `stop` is set.

        Unloading sets `stop` and waits 5 s; a thread that is still running is then reported by
        name. What `target` raises is reported as PluginFailed.
        """
        self._check_open()
        stop = threading.Event()
        name = f"{self.plugin_id}:{getattr(target, '__name__', 'thread')}"
        thread = threading.Thread(target=self._run, args=(target, stop), name=name, daemon=True)
        self._undo.append(lambda: _join(thread, stop))
        thread.start()
        return thread

    @property
    def log(self) -> Logger:
        """The plugin's logger; silent unless somebody configures `logging`."""
        from st.core.log import logger

        return logger(f"plugin.{self.plugin_id}")

    def _run(self, target: Callable[[threading.Event], object], stop: threading.Event) -> None:
        error = attempt(target, stop)
        if error is not None:
            reason = f"thread failed: {error!r}"
            self.registry.bus.publish(PluginFailed(self.plugin_id, "active", reason))
            self.log.warning("thread failed", exc_info=error)

    def _check_open(self) -> None:
        if self._phase != "open":
            doing = "is unloading" if self._phase == "unloading" else "was unloaded"
            raise ClosedContextError(
                self.plugin_id, f"{self.plugin_id} {doing} and can register nothing any more"
            )

    def _check_usable(self) -> None:
        if self._phase == "closed":
            raise ClosedContextError(
                self.plugin_id, f"{self.plugin_id} was unloaded; its context is of no more use"
            )

    # --- for the registry -----------------------------------------------------------------------

    def withdraw(self) -> None:
        """Take services and subscriptions out of the tables, each table in one write."""
        self._phase = "unloading"
        if self._subscriptions:
            self.registry.bus.change(remove=self._subscriptions)
        if self._references:
            self.registry.services.change(remove=reversed(self._references))

    def unwind(self) -> list[Exception]:
        """Undo everything, last thing first; every step runs. What the steps raised."""
        self._phase = "closed"
        undo, self._undo = self._undo, []
        self._subscriptions, self._references = [], []
        return [error for step in reversed(undo) if (error := attempt(step)) is not None]

    def service_names(self) -> list[str]:
        """The names of the services registered through this context."""
        return [reference.name for reference in self._references if reference.is_open]

    def replace(self, old: PluginContext | None) -> None:
        """Put a staged context's services and subscriptions in the place of another's."""
        self._is_staged = False
        removed_references = old._references if old is not None else []
        removed_subscriptions = old._subscriptions if old is not None else []
        self.registry.services.change(add=self._references, remove=removed_references)
        self.registry.bus.change(add=self._subscriptions, remove=removed_subscriptions)


def _join(thread: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    if thread is threading.current_thread():
        return
    thread.join(JOIN_TIMEOUT_S)
    if thread.is_alive():
        raise TimeoutError(
            f"thread {thread.name!r} is still running {JOIN_TIMEOUT_S:g} s after it was asked "
            "to stop; its target must return when the stop event is set"
        )
