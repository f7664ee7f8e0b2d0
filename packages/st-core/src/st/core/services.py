"""Objects plugins offer one another, by name or by typed key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from st.core.errors import ServiceNotFoundError, listed
from st.core.events import Event, ListenerFailed, ServiceRegistered, ServiceUnregistered
from st.core.isolation import attempt
from st.core.metadata import satisfies
from st.core.nearest import did_you_mean
from st.core.service import UNBUILT, ServiceKey, ServiceReference, Tracker
from st.core.turns import Turns

_T = TypeVar("_T")
_D = TypeVar("_D")


class Services:
    """The services there are now. Looking one up takes no lock. Safe to use from any thread.

    >>> services = Services()
    >>> with services.register("greeting", "hello"):
    ...     services.get("greeting")
    'hello'

    Args:
        announce: Told of every service that comes or goes.
        turns: Shared with the registry, so that circles through factories are found.
    """

    def __init__(
        self, announce: Callable[[Event], object] | None = None, turns: Turns | None = None
    ) -> None:
        self._announce = announce
        self._turns = turns or Turns()
        self._lock = threading.RLock()
        self._sequence = 0
        self._best: dict[str, ServiceReference] = {}
        self._all: dict[str, dict[ServiceReference, None]] = {}
        self._trackers: dict[str, dict[Tracker, None]] = {}

    def register(
        self,
        key: ServiceKey[_T] | str,
        service: _T | None = None,
        *,
        factory: Callable[[], _T] | None = None,
        rank: int = 0,
        plugin_id: str = "",
    ) -> ServiceReference:
        """Offer a service; of several, the highest rank, then the first, is what others get.

        Args:
            key: Its name or typed key.
            service: The object itself, or
            factory: what makes it, called once, when it is first asked for.
            rank: Higher is preferred.
            plugin_id: Whose it is.

        Raises:
            ServiceTypeError: When `service` does not fulfil the key's contract.
            ServiceError: When neither or both of `service` and `factory` are given.
        """
        made = ServiceReference(self, as_key(key), service, factory, rank, plugin_id)
        self.change(add=(made,))
        return made

    def change(
        self, *, add: Iterable[ServiceReference] = (), remove: Iterable[ServiceReference] = ()
    ) -> list[ServiceReference]:
        """Add and remove services in one write, then tell; gives those really removed."""
        removed: list[ServiceReference] = []
        added = tuple(add)
        with self._lock:
            for reference in remove:
                if reference.is_open:
                    reference.is_open = False
                    removed.append(reference)
                    del self._all[reference.name][reference]
                    self._choose(reference.name)
            for reference in added:
                self._sequence += 1
                reference.sequence = self._sequence
                reference.is_open = True
                self._all.setdefault(reference.name, {})[reference] = None
                best = self._best.get(reference.name)
                if best is None or reference.rank > best.rank:
                    self._best[reference.name] = reference
        for reference in removed:
            self._tell(reference, ServiceUnregistered(reference.name, reference.plugin_id))
        for reference in added:
            self._tell(reference, ServiceRegistered(reference.name, reference.plugin_id))
        return removed

    def _choose(self, name: str) -> None:
        references = self._all[name]
        if references:
            self._best[name] = min(references, key=_preference)
        else:
            del self._all[name], self._best[name]

    def _tell(self, reference: ServiceReference, event: Event) -> None:
        for tracker in tuple(self._trackers.get(reference.name, ())):
            self._tell_one(tracker, reference, event)
        if self._announce is not None:
            self._announce(event)

    def _tell_one(self, tracker: Tracker, reference: ServiceReference, event: Event) -> None:
        is_new = isinstance(event, ServiceRegistered)
        error = attempt(tracker.show if is_new else tracker.hide, reference)
        if error is not None and self._announce is not None:
            self._announce(ListenerFailed(event, tracker.plugin_id, error))

    # --- looking up -----------------------------------------------------------------------------

    @overload
    def get(self, key: ServiceKey[_T]) -> _T: ...
    @overload
    def get(self, key: ServiceKey[_T], default: _D) -> _T | _D: ...
    @overload
    def get(self, key: str, default: object = ...) -> Any: ...
    def get(self, key: ServiceKey[Any] | str, default: object = ...) -> Any:
        """The best provider's object.

        Raises:
            ServiceNotFoundError: When nobody offers it, or only other contract versions; not
                when a `default` is given.
            ServiceTypeError: When the provider does not fulfil the key's contract.
        """
        reference = self.find(key)
        if reference is not None:
            return self.resolve(reference, key)
        if default is not ...:
            return default
        raise self.not_found(key)

    def find(self, key: ServiceKey[Any] | str) -> ServiceReference | None:
        """The best provider's entry, None when there is none."""
        if isinstance(key, str):
            return self._best.get(key)
        best = self._best.get(key.name)
        if best is None or not key.version or key.admits(best.key.version):
            return best
        references = self.references(key.name)
        return next((other for other in references if key.admits(other.key.version)), None)

    def resolve(self, reference: ServiceReference, key: ServiceKey[Any] | str) -> Any:
        """A provider's object, checked against the key's contract."""
        service = reference.held
        if service is UNBUILT:
            service = reference.service
        if not isinstance(key, str) and key.contract is not None:
            key.check(service, reference.plugin_id)
        return service

    def references(self, name: str) -> tuple[ServiceReference, ...]:
        """All providers of a service, best first."""
        with self._lock:
            return tuple(sorted(self._all.get(name, ()), key=_preference))

    def offers(self, name: str, versions: str) -> bool:
        """Whether anybody offers a contract version within a PEP 440 specifier ("" for any)."""
        return any(
            not versions or satisfies(reference.key.version or "0", versions)
            for reference in self.references(name)
        )

    def names(self) -> tuple[str, ...]:
        """The names of all services, sorted."""
        with self._lock:
            return tuple(sorted(self._all))

    def not_found(self, key: ServiceKey[Any] | str, why: str = "") -> ServiceNotFoundError:
        """The error that says what there is instead."""
        key, names = as_key(key), self.names()
        others = [
            f"{reference.key.version or 'no version'} by {reference.plugin_id or 'no plugin'}"
            for reference in self.references(key.name)
        ]
        if others:
            return ServiceNotFoundError(
                f"service {key.name!r}: contract version {key.version} is asked for; "
                f"offered: {listed(others)}"
            )
        return ServiceNotFoundError(
            f"nobody offers the service {key.name!r}{did_you_mean(key.name, names)}{why} "
            f"(offered now: {listed(names)})"
        )

    def build(self, reference: ServiceReference) -> None:
        """Have a reference's factory called by one thread, the others waiting for it."""
        turn = f"service {reference.name} of {reference.plugin_id}"
        self._turns.take(turn)
        try:
            if reference.held is UNBUILT and reference.factory is not None:
                built = reference.factory()
                reference.key.check(built, reference.plugin_id)
                reference.held = built
        finally:
            self._turns.give_back(turn)

    # --- following ------------------------------------------------------------------------------

    def track(
        self,
        key: ServiceKey[_T] | str,
        added: Callable[[_T], object],
        removed: Callable[[_T], object] | None = None,
        *,
        plugin_id: str = "",
    ) -> Tracker:
        """Have `added` called for every provider there is and will be, `removed` when one goes.

        A failing callback is isolated and reported like a listener.
        """
        tracker = Tracker(self, as_key(key).name, added, removed, plugin_id)
        with self._lock:
            self._trackers.setdefault(tracker.name, {})[tracker] = None
        for reference in self.references(tracker.name):
            event = ServiceRegistered(reference.name, reference.plugin_id)
            self._tell_one(tracker, reference, event)
        return tracker

    def untrack(self, tracker: Tracker) -> None:
        """Forget a tracker."""
        with self._lock:
            trackers = self._trackers.get(tracker.name, {})
            trackers.pop(tracker, None)
            if not trackers:
                self._trackers.pop(tracker.name, None)


def as_key(key: ServiceKey[Any] | str) -> ServiceKey[Any]:
    """The key of a service addressed by name."""
    return ServiceKey(key) if isinstance(key, str) else key


def _preference(reference: ServiceReference) -> tuple[int, int]:
    return (-reference.rank, reference.sequence)
