"""One service: its key, a provider's entry, and a follower of its providers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from st.core.errors import ServiceError, ServiceTypeError

if TYPE_CHECKING:
    from st.core.services import Services

_T = TypeVar("_T")

#: Stands for the object of a factory that was not called yet.
UNBUILT: Final[Any] = object()


class ServiceKey(Generic[_T]):
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
        _major_minor(version)

    def admits(self, version: str) -> bool:
        """Whether a provider of this contract version will do."""
        have, need = _major_minor(version), _major_minor(self.version)
        return not self.version or (have[0] == need[0] and have[1] >= need[1])

    def check(self, service: object, plugin_id: str) -> None:
        """See that an object is what the contract says.

        Raises:
            ServiceTypeError: When it is not.
        """
        if self.contract is not None and not isinstance(service, self.contract):
            raise ServiceTypeError(
                f"service {self.name!r} of {plugin_id or 'no plugin'} is a "
                f"{type(service).__qualname__}, expected {self.contract.__qualname__}"
            )

    def __repr__(self) -> str:
        version = f", version={self.version!r}" if self.version else ""
        return f"ServiceKey({self.name!r}{version})"


def _major_minor(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    try:
        return (int(major), int(minor or 0)) if version else (0, 0)
    except ValueError:
        raise ServiceError(
            f"contract version {version!r} is not of the form major.minor, such as 1.2"
        ) from None


class ServiceReference:
    """One provider's entry; closing it, also by leaving `with`, withdraws the service."""

    def __init__(
        self,
        services: Services,
        key: ServiceKey[Any],
        service: object,
        factory: Callable[[], object] | None,
        rank: int,
        plugin_id: str,
    ) -> None:
        if (service is None) == (factory is None):
            raise ServiceError(
                f"register_service({key.name!r}): give a service or a factory, one of the two"
            )
        if factory is None:
            key.check(service, plugin_id)
        self.services = services
        self.key = key
        self.name = key.name
        self.held: Any = service if factory is None else UNBUILT
        self.factory = factory
        self.rank = rank
        self.plugin_id = plugin_id
        self.is_open = False
        self.sequence = 0

    @property
    def service(self) -> Any:
        """The object; a factory is called now, once, by one thread."""
        if self.held is UNBUILT:
            self.services.build(self)
        return self.held

    def close(self) -> bool:
        """Withdraw the service. False when it was withdrawn already."""
        return bool(self.services.change(remove=(self,)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<service {self.name} of {self.plugin_id or 'no plugin'}>"


class Tracker:
    """Follows the providers of one service; closing it stops that."""

    def __init__(
        self,
        services: Services,
        name: str,
        added: Callable[[Any], object],
        removed: Callable[[Any], object] | None,
        plugin_id: str,
    ) -> None:
        self.services = services
        self.name = name
        self.added = added
        self.removed = removed
        self.plugin_id = plugin_id
        self._shown: dict[ServiceReference, Any] = {}

    def show(self, reference: ServiceReference) -> None:
        """Tell of a provider, once, unless it goes while its factory runs."""
        claim = object()
        if self._shown.setdefault(reference, claim) is claim:
            service = reference.service
            if self._shown.get(reference) is claim:
                self._shown[reference] = (service,)
                self.added(service)

    def hide(self, reference: ServiceReference) -> None:
        """Tell that a provider is gone, if it was ever told of."""
        shown = self._shown.pop(reference, None)
        if isinstance(shown, tuple) and self.removed is not None:
            self.removed(shown[0])

    def close(self) -> None:
        """Follow no longer; nothing is called for the providers that stay."""
        self.services.untrack(self)
        self._shown.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
