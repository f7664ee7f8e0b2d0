"""Objects plugins offer one another, by name or by typed key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, cast, overload

from st.core.errors import ServiceError, ServiceNotFoundError, ServiceTypeError, listed
from st.core.events import Event, ServiceRegistered, ServiceUnregistered
from st.core.isolation import attempt
from st.core.nearest import did_you_mean
from st.core.turns import Turns
from st.core.versions import satisfies

T = TypeVar("T")
D = TypeVar("D")

_MISSING: Final[Any] = object()


class ServiceKey(Generic[T]):
    """The name of a service together with its type.

    A key lives in a module both sides import; in different modules, equal names mean the same
    service. `version` is that of the contract: a provider of the same major version and at least
    the same minor one will do.

    >>> CLOCK: ServiceKey[Callable[[], float]] = ServiceKey("clock", version="1.2")
    >>> CLOCK
    ServiceKey('clock', version='1.2')

    Args:
        name: What the service is addressed by.
        contract: A class or runtime-checkable protocol that every provider is checked against.
        version: "major.minor" of the contract, "" when it has none.
    """

    __slots__ = ("contract", "name", "version")

    def __init__(self, name: str, contract: type[Any] | None = None, *, version: str = "") -> None:
        self.name = name
        self.contract = contract
        self.version = version
        _contract_version(version)

    def __repr__(self) -> str:
        version = f", version={self.version!r}" if self.version else ""
        return f"ServiceKey({self.name!r}{version})"


class ServiceReference:
    """One provider's entry; closing it, also by leaving `with`, withdraws the service."""

    __slots__ = (
        "_factory",
        "_service",
        "_services",
        "is_open",
        "name",
        "plugin_id",
        "rank",
        "sequence",
        "version",
    )

    def __init__(
        self,
        services: Services,
        name: str,
        service: object,
        factory: Callable[[], object] | None,
        rank: int,
        version: str,
        plugin_id: str,
    ) -> None:
        self._services = services
        self._service = service
        self._factory = factory
        self.name = name
        self.rank = rank
        self.version = version
        self.plugin_id = plugin_id
        self.is_open = False
        self.sequence = 0

    @property
    def service(self) -> Any:
        """The object; a factory is called now, once, by one thread."""
        if self._service is _MISSING:
            self._services.build(self)
        return self._service

    def fill(self) -> None:
        """Call the factory unless somebody has done so. The caller has the turn for it."""
        if self._service is _MISSING and self._factory is not None:
            self._service = self._factory()

    def close(self) -> bool:
        """Withdraw the service. False when it was withdrawn already."""
        return bool(self._services.change(remove=(self,)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<service {self.name} of {self.plugin_id or 'no plugin'}>"


class Tracker:
    """Follows the providers of one service; closing it stops that."""

    __slots__ = ("_added", "_removed", "_services", "_shown", "name")

    def __init__(
        self,
        services: Services,
        name: str,
        added: Callable[[Any], object],
        removed: Callable[[Any], object] | None,
    ) -> None:
        self._services = services
        self._added = added
        self._removed = removed
        self._shown: dict[ServiceReference, object] = {}
        self.name = name

    def show(self, reference: ServiceReference) -> None:
        """Tell of a provider, once."""
        if reference in self._shown:
            return
        service = reference.service
        self._shown[reference] = service
        self._added(service)

    def hide(self, reference: ServiceReference) -> None:
        """Tell that a provider is gone, if it was ever told of."""
        service = self._shown.pop(reference, _MISSING)
        if service is not _MISSING and self._removed is not None:
            self._removed(service)

    def close(self) -> None:
        """Follow no longer; nothing is called for the providers that stay."""
        self._services.untrack(self)
        self._shown.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


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
        key: ServiceKey[T] | str,
        service: T | None = None,
        *,
        factory: Callable[[], T] | None = None,
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
        made = self.prepare(key, service, factory=factory, rank=rank, plugin_id=plugin_id)
        self.change(add=(made,))
        return made

    def prepare(
        self,
        key: ServiceKey[Any] | str,
        service: object,
        *,
        factory: Callable[[], object] | None = None,
        rank: int = 0,
        plugin_id: str = "",
    ) -> ServiceReference:
        """A service that nobody can see yet; `change` puts it in the table."""
        name = key if isinstance(key, str) else key.name
        if (service is None) == (factory is None):
            raise ServiceError(f"register_service({name!r}): give a service or a factory, not both")
        version = ""
        if isinstance(key, ServiceKey):
            version = key.version
            if factory is None:
                _check_contract(key, service, plugin_id)
        held = service if factory is None else _MISSING
        return ServiceReference(self, name, held, factory, rank, version, plugin_id)

    def change(
        self, *, add: Iterable[ServiceReference] = (), remove: Iterable[ServiceReference] = ()
    ) -> list[ServiceReference]:
        """Add and remove services in one write, then tell; gives those really removed."""
        removed: list[ServiceReference] = []
        added: list[ServiceReference] = []
        with self._lock:
            for reference in remove:
                if reference.is_open:
                    reference.is_open = False
                    removed.append(reference)
                    del self._all[reference.name][reference]
                    self._choose(reference.name)
            for reference in add:
                self._sequence += 1
                reference.sequence = self._sequence
                reference.is_open = True
                added.append(reference)
                self._all.setdefault(reference.name, {})[reference] = None
                best = self._best.get(reference.name)
                if best is None or reference.rank > best.rank:
                    self._best[reference.name] = reference
        for reference in removed:
            for tracker in tuple(self._trackers.get(reference.name, ())):
                attempt(tracker.hide, reference)
        for reference in added:
            for tracker in tuple(self._trackers.get(reference.name, ())):
                attempt(tracker.show, reference)
        if self._announce is not None:
            for reference in removed:
                self._announce(ServiceUnregistered(reference.name, reference.plugin_id))
            for reference in added:
                self._announce(ServiceRegistered(reference.name, reference.plugin_id))
        return removed

    def _choose(self, name: str) -> None:
        references = self._all[name]
        if references:
            self._best[name] = min(references, key=_preference)
        else:
            del self._all[name], self._best[name]

    # --- looking up -----------------------------------------------------------------------------

    @overload
    def get(self, key: ServiceKey[T]) -> T: ...
    @overload
    def get(self, key: ServiceKey[T], default: D) -> T | D: ...
    @overload
    def get(self, key: str, default: object = ...) -> Any: ...
    def get(self, key: ServiceKey[Any] | str, default: object = _MISSING) -> Any:
        """The best provider's object.

        Raises:
            ServiceNotFoundError: When nobody offers it, or only other contract versions; not
                when a `default` is given.
            ServiceTypeError: When the provider does not fulfil the key's contract.
        """
        reference = self.find(key)
        if reference is not None:
            return self.resolve(reference, key)
        if default is not _MISSING:
            return default
        raise self.not_found(key)

    def resolve(self, reference: ServiceReference, key: ServiceKey[Any] | str) -> Any:
        """A provider's object, checked against the key's contract."""
        service = reference.service
        if isinstance(key, ServiceKey) and key.contract is not None:
            _check_contract(key, service, reference.plugin_id)
        return service

    def offers(self, name: str, versions: str) -> bool:
        """Whether anybody offers a contract version within a PEP 440 specifier ("" for any)."""
        return any(
            not versions or satisfies(reference.version or "0", versions)
            for reference in self.references(name)
        )

    def find(self, key: ServiceKey[Any] | str) -> ServiceReference | None:
        """The best provider's entry, None when there is none."""
        if isinstance(key, str):
            return self._best.get(key)
        best = self._best.get(key.name)
        if best is None or not key.version or _is_compatible(best.version, key.version):
            return best
        others = [
            reference
            for reference in self.references(key.name)
            if _is_compatible(reference.version, key.version)
        ]
        return others[0] if others else None

    def references(self, name: str) -> tuple[ServiceReference, ...]:
        """All providers of a service, best first."""
        with self._lock:
            return tuple(sorted(self._all.get(name, ()), key=_preference))

    def names(self) -> tuple[str, ...]:
        """The names of all services, sorted."""
        with self._lock:
            return tuple(sorted(self._all))

    def not_found(self, key: ServiceKey[Any] | str, why: str = "") -> ServiceNotFoundError:
        """The error that says what there is instead."""
        name = key if isinstance(key, str) else key.name
        others = [
            f"{reference.version or 'no version'} by {reference.plugin_id or 'no plugin'}"
            for reference in self.references(name)
        ]
        if others and isinstance(key, ServiceKey):
            return ServiceNotFoundError(
                f"service {name!r}: contract version {key.version} is asked for; "
                f"offered: {listed(others)}"
            )
        names = self.names()
        return ServiceNotFoundError(
            f"nobody offers the service {name!r}{did_you_mean(name, names)}{why} "
            f"(offered now: {listed(names)})"
        )

    def build(self, reference: ServiceReference) -> None:
        """Have a reference's factory called by one thread, the others waiting for it."""
        turn = f"service {reference.name} of {reference.plugin_id}"
        self._turns.take(turn)
        try:
            reference.fill()
        finally:
            self._turns.give_back(turn)

    # --- following ------------------------------------------------------------------------------

    def track(
        self,
        key: ServiceKey[T] | str,
        added: Callable[[T], object],
        removed: Callable[[T], object] | None = None,
        *,
        plugin_id: str = "",
    ) -> Tracker:
        """Have `added` called for every provider there is and will be, `removed` when one goes.

        A failing callback is isolated, like a listener.
        """
        name = key if isinstance(key, str) else key.name
        tracker = Tracker(self, name, added, removed)
        with self._lock:
            self._trackers.setdefault(name, {})[tracker] = None
        for reference in self.references(name):
            attempt(tracker.show, reference)
        return tracker

    def untrack(self, tracker: Tracker) -> None:
        """Forget a tracker."""
        with self._lock:
            trackers = self._trackers.get(tracker.name, {})
            trackers.pop(tracker, None)
            if not trackers:
                self._trackers.pop(tracker.name, None)


def _preference(reference: ServiceReference) -> tuple[int, int]:
    return (-reference.rank, reference.sequence)


def _contract_version(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    try:
        return (int(major), int(minor or 0)) if version else (0, 0)
    except ValueError:
        raise ServiceError(
            f"contract version {version!r} is not of the form major.minor, such as 1.2"
        ) from None


def _is_compatible(offered: str, asked: str) -> bool:
    have, need = _contract_version(offered), _contract_version(asked)
    return have[0] == need[0] and have[1] >= need[1]


def _check_contract(key: ServiceKey[Any], service: object, plugin_id: str) -> None:
    if key.contract is not None and not isinstance(service, key.contract):
        raise ServiceTypeError(
            f"service {key.name!r} of {plugin_id or 'no plugin'} is a "
            f"{type(service).__qualname__}, expected {cast(Any, key.contract).__qualname__}"
        )
