"""The plugins a registry knows, indexed by what they offer."""

from __future__ import annotations

import threading

from st.core.capability import PluginCapability
from st.core.errors import DuplicatePluginError, PluginNotFoundError, listed
from st.core.handle import (
    BUSY,
    RETRIED,
    USABLE,
    WAITING,
    Contribution,
    PluginHandle,
    PluginState,
)
from st.core.metadata import split_contract
from st.core.nearest import did_you_mean
from st.core.resolve import clash, problems


class PluginTable:
    """Handles by id, capability and service, and their states. Safe to use from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._sequence = 0
        self._handles: dict[str, PluginHandle] = {}
        self._offers: dict[object, dict[str, PluginHandle]] = {}
        self._ranked: dict[object, tuple[PluginHandle, ...]] = {}
        self._waiting: dict[str, PluginHandle] = {}
        self._is_stale = False

    # --- writing --------------------------------------------------------------------------------

    def add(self, handle: PluginHandle) -> PluginHandle | None:
        """Take in a plugin; gives the one whose place it takes, if that one was of no use.

        Raises:
            DuplicatePluginError: When its id is in use.
        """
        with self.lock:
            present = self._handles.get(handle.id)
            if present is not None:
                is_of_use = present.state not in (*RETRIED, PluginState.BROKEN)
                if is_of_use or present.distribution:
                    raise DuplicatePluginError(
                        handle.id,
                        f"plugin {handle.id!r} of {handle.origin} is there already "
                        f"({present.state}), from {present.origin}",
                    )
                self.remove(present)
            self._sequence += 1
            handle.sequence = self._sequence
            self._handles[handle.id] = handle
            self.index(handle)
            self.set_state(handle, handle.state, handle.reason)
            return present

    def remove(self, handle: PluginHandle) -> None:
        """Forget a plugin."""
        with self.lock:
            if self._handles.get(handle.id) is handle:
                del self._handles[handle.id]
            self._waiting.pop(handle.id, None)
            self.unindex(handle)
            self._is_stale = True

    def discard(self, handle: PluginHandle) -> bool:
        """Forget a plugin unless it is up, or on its way; whether it is forgotten."""
        with self.lock:
            if self._handles.get(handle.id) is not handle or handle.state in BUSY:
                return False
            self.remove(handle)
            return True

    def set_state(self, handle: PluginHandle, state: PluginState, reason: str = "") -> None:
        """Move a plugin to another state."""
        with self.lock:
            handle.state = state
            handle.reason = reason
            if state in WAITING:
                self._waiting[handle.id] = handle
            else:
                self._waiting.pop(handle.id, None)
            self._is_stale = True
            for offer in handle.offers:
                self._ranked.pop(offer, None)

    def index(self, handle: PluginHandle) -> None:
        """Have a plugin found by what its metadata says it offers."""
        handle.offers = _offers(handle)
        for offer in handle.offers:
            self._offers.setdefault(offer, {})[handle.id] = handle
            self._ranked.pop(offer, None)

    def unindex(self, handle: PluginHandle) -> None:
        """The inverse of `index`."""
        for offer in [key for key in handle.offers if key in self._offers]:
            holders = self._offers[offer]
            if holders.get(handle.id) is handle:
                del holders[handle.id]
            if not holders:
                del self._offers[offer]
            self._ranked.pop(offer, None)

    # --- reading --------------------------------------------------------------------------------

    def get(self, plugin_id: str) -> PluginHandle | None:
        """The handle of an id, None when there is none."""
        self.settle()
        return self._handles.get(plugin_id)

    def known(self, plugin_id: str) -> PluginHandle:
        """The handle of an id.

        Raises:
            PluginNotFoundError: When there is none; says the nearest id and what to install.
        """
        handle = self.get(plugin_id)
        if handle is None:
            from st.core.catalog import provider_of  # reads a file, only for the message

            provider = provider_of("plugins", plugin_id)
            hint = f"; {provider.install} provides it" if provider else ""
            with self.lock:
                names = sorted(self._handles)
            raise PluginNotFoundError(
                plugin_id,
                f"no plugin {plugin_id!r}{did_you_mean(plugin_id, names)} "
                f"(known: {listed(names)}){hint}",
            )
        return handle

    def all(self) -> tuple[PluginHandle, ...]:
        """Every handle, in the order of arrival."""
        self.settle()
        with self.lock:
            return tuple(self._handles.values())

    def by_capability(
        self, capability: PluginCapability, *, all: bool = False
    ) -> tuple[PluginHandle, ...]:
        """Who has a capability, best rank first; with `all` also those that cannot be used."""
        return self._holders(capability, include_all=all)

    def by_service(self, name: str) -> tuple[PluginHandle, ...]:
        """Who declares to provide a service and can be used, best rank first."""
        return self._holders(name, include_all=False)

    def opponents(self, plugin_id: str) -> tuple[PluginHandle, ...]:
        """Who declares to conflict with a plugin."""
        with self.lock:
            return tuple(self._offers.get(("against", plugin_id), {}).values())

    def peek(self, plugin_id: str) -> PluginHandle | None:
        """The handle of an id as it stands, without working out what else could be loaded."""
        return self._handles.get(plugin_id)

    def clash(self, handle: PluginHandle) -> str:
        """Why a plugin cannot run beside those that are active now, "" when it can."""
        if not handle.metadata.conflicts and ("against", handle.id) not in self._offers:
            return ""
        return clash(handle, self._handles, self.opponents(handle.id))

    def _holders(self, offer: object, *, include_all: bool) -> tuple[PluginHandle, ...]:
        self.settle()
        ranked = self._ranked.get(offer)
        if ranked is None or include_all:
            with self.lock:
                holders = sorted(self._offers.get(offer, {}).values(), key=_preference)
                if include_all:
                    return tuple(holders)
                ranked = tuple([handle for handle in holders if handle.state in USABLE])
                self._ranked[offer] = ranked
        return ranked

    def contributions(self, point: str) -> tuple[Contribution, ...]:
        """What the manifests of usable plugins contribute to a point, in order of arrival."""
        return tuple(
            [
                Contribution(handle.id, handle.distribution, handle.contributes[point])
                for handle in self.all()
                if point in handle.contributes and handle.state in USABLE
            ]
        )

    def settle(self) -> None:
        """Work out which of the plugins not loaded yet could be."""
        if not (self._is_stale and self._waiting):
            return
        with self.lock:
            self._is_stale = False
            found = problems(self._waiting.values(), self._handles)
            for handle in tuple(self._waiting.values()):
                reason = found.get(handle.id, "")
                state = PluginState.UNRESOLVED if reason else PluginState.DISCOVERED
                if (handle.state, handle.reason) != (state, reason):
                    self.set_state(handle, state, reason)
            self._is_stale = False


def _offers(handle: PluginHandle) -> tuple[object, ...]:
    """What a plugin is found by: capabilities, names of services, and ids it conflicts with."""
    metadata = handle.metadata
    if not (metadata.provides or metadata.conflicts):
        return metadata.capabilities
    services = [split_contract(text)[0] for text in metadata.provides]
    return (*metadata.capabilities, *services, *(("against", id) for id in metadata.conflicts))


def _preference(handle: PluginHandle) -> tuple[int, int]:
    return (-handle.metadata.rank, handle.sequence)
