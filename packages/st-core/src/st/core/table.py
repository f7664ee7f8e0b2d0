"""The plugins a registry knows, indexed by what they offer."""

from __future__ import annotations

from _thread import RLock
from typing import TYPE_CHECKING

from st.core.errors import DuplicatePluginError, PluginNotFoundError, listed
from st.core.handle import BUSY, RETRIED, USABLE, WAITING, Contribution, PluginHandle, PluginState
from st.core.metadata import PluginMetadata, split_contract
from st.core.nearest import did_you_mean
from st.core.resolve import Known
from st.core.turns import Turns

if TYPE_CHECKING:
    from st.core.context import PluginContext


class Edges:
    """Dependents by what they depend on. Used under the table's lock."""

    def __init__(self) -> None:
        self.requirers: dict[str, dict[str, None]] = {}
        self.service_requirers: dict[str, dict[str, None]] = {}
        self.users: dict[str, dict[str, None]] = {}
        self._used: dict[str, dict[str, None]] = {}

    def add(self, metadata: PluginMetadata) -> None:
        """Note what a plugin that is coming up requires."""
        for plugin_id in metadata.requires:
            self.requirers.setdefault(plugin_id, {})[metadata.id] = None
        for text in metadata.requires_services:
            name, _ = split_contract(text)
            self.service_requirers.setdefault(name, {})[metadata.id] = None

    def remove(self, metadata: PluginMetadata) -> None:
        """Forget what a plugin required; `forget_uses` does so for what it used."""
        for plugin_id in metadata.requires:
            _discard(self.requirers, plugin_id, metadata.id)
        for text in metadata.requires_services:
            _discard(self.service_requirers, split_contract(text)[0], metadata.id)

    def use(self, user: str, provider: str) -> None:
        """Note that a plugin holds a service of another."""
        self.users.setdefault(provider, {})[user] = None
        self._used.setdefault(user, {})[provider] = None

    def forget_uses(self, user: str) -> None:
        """Forget whose services a plugin that is down held."""
        for provider in self._used.pop(user, ()):
            _discard(self.users, provider, user)


def _discard(dependents: dict[str, dict[str, None]], needed: str, needer: str) -> None:
    needers = dependents.get(needed, {})
    needers.pop(needer, None)
    if not needers:
        dependents.pop(needed, None)


class PluginTable:
    """Handles by id, capability and service, and their states. Safe to use from any thread.

    Args:
        wait_s: How long one thread waits for another's transition.

    Attributes:
        lock: Held to look at states and edges and to change them together; never while the code
            of plugins runs.
        turns: Who is at work on which plugin.
        edges: Who depends on whom.
        contexts: Those of active plugins, in the order they came up.
        is_down: After a shutdown: nothing loads by itself.
    """

    def __init__(self, wait_s: float) -> None:
        self.lock = RLock()
        self.turns = Turns(wait_s)
        self.edges = Edges()
        self.contexts: dict[str, PluginContext] = {}
        self.is_down = False
        self._known = Known()
        self._sequence = 0
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
            present = self.peek(handle.id)
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
            self._known.by_id[handle.id] = handle
            self._index(handle)
            self.set_state(handle, handle.state, handle.reason)
            return present

    def remove(self, handle: PluginHandle) -> None:
        """Forget a plugin."""
        with self.lock:
            if self.peek(handle.id) is handle:
                del self._known.by_id[handle.id]
            self._waiting.pop(handle.id, None)
            self._unindex(handle)
            self._is_stale = True

    def discard(self, handle: PluginHandle) -> bool:
        """Forget a plugin unless it is up, or on its way; whether it is forgotten."""
        with self.lock:
            if self.peek(handle.id) is not handle or handle.state in BUSY:
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
            for offer in handle.metadata.offers:
                self._ranked.pop(offer, None)

    def begin(self, handle: PluginHandle) -> None:
        """Set a plugin LOADING; from now on it counts as a dependent of what it requires."""
        with self.lock:
            if self.peek(handle.id) is not handle:
                raise PluginNotFoundError(handle.id, f"{handle.id} was unregistered meanwhile")
            self.set_state(handle, PluginState.LOADING)
            if handle.metadata.has_needs:
                self.edges.add(handle.metadata)

    def describe(self, handle: PluginHandle, metadata: PluginMetadata) -> None:
        """Take over what only became known when the plugin's code was imported."""
        with self.lock:
            self._unindex(handle)
            self.edges.remove(handle.metadata)
            handle.metadata = metadata
            self.edges.add(metadata)
            self._index(handle)

    def _index(self, handle: PluginHandle) -> None:
        for offer in handle.metadata.offers:
            self._known.by_offer.setdefault(offer, {})[handle.id] = handle
            self._ranked.pop(offer, None)

    def _unindex(self, handle: PluginHandle) -> None:
        for offer in handle.metadata.offers:
            holders = self._known.by_offer.get(offer, {})
            if holders.get(handle.id) is handle:
                del holders[handle.id]
            if not holders:
                self._known.by_offer.pop(offer, None)
            self._ranked.pop(offer, None)

    # --- reading --------------------------------------------------------------------------------

    def peek(self, plugin_id: str) -> PluginHandle | None:
        """The handle of an id as it stands, without working out what else could be loaded."""
        return self._known.by_id.get(plugin_id)

    def get(self, plugin_id: str) -> PluginHandle | None:
        """The handle of an id, None when there is none."""
        self._settle()
        return self.peek(plugin_id)

    def is_active(self, plugin_id: str) -> bool:
        """Whether a plugin is there and up."""
        handle = self.peek(plugin_id)
        return handle is not None and handle.state is PluginState.ACTIVE

    def known(self, plugin_id: str) -> PluginHandle:
        """The handle of an id.

        Raises:
            PluginNotFoundError: When there is none; says the nearest id and what to install.
        """
        handle = self.get(plugin_id)
        if handle is None:
            from st.core.catalog import install_hint  # reads a file, only for the message

            names = sorted(handle.id for handle in self.all())
            raise PluginNotFoundError(
                plugin_id,
                f"no plugin {plugin_id!r}{did_you_mean(plugin_id, names)} "
                f"(known: {listed(names)}){install_hint('plugins', plugin_id)}",
            )
        return handle

    def all(self) -> tuple[PluginHandle, ...]:
        """Every handle, in the order of arrival."""
        self._settle()
        with self.lock:
            return tuple(self._known.by_id.values())

    def holders(self, offer: object) -> tuple[PluginHandle, ...]:
        """Who offers a capability, or a service by its name, and can be used; best rank first."""
        self._settle()
        ranked = self._ranked.get(offer)
        if ranked is None:
            with self.lock:
                ranked = tuple([one for one in self.all_holders(offer) if one.state in USABLE])
                self._ranked[offer] = ranked
        return ranked

    def all_holders(self, offer: object) -> tuple[PluginHandle, ...]:
        """Who offers something, whether it can be used or not; best rank first."""
        self._settle()
        with self.lock:
            return tuple(
                sorted(
                    self._known.holders(offer),
                    key=lambda handle: (-handle.metadata.rank, handle.sequence),
                )
            )

    def clash(self, handle: PluginHandle) -> str:
        """Why a plugin cannot run beside those that are active now, "" when it can."""
        return self._known.clash(handle)

    def contributions(self, point: str) -> tuple[Contribution, ...]:
        """What the manifests of usable plugins contribute to a point, in order of arrival."""
        return tuple(
            [
                Contribution(handle.id, handle.distribution, handle.contributes[point])
                for handle in self.all()
                if point in handle.contributes and handle.state in USABLE
            ]
        )

    def _settle(self) -> None:
        """Work out which of the plugins not loaded yet could be."""
        if not (self._is_stale and self._waiting):
            return
        with self.lock:
            self._is_stale = False
            for plugin_id, reason in self._known.problems(tuple(self._waiting.values())).items():
                handle = self._known.by_id[plugin_id]
                state = PluginState.UNRESOLVED if reason else PluginState.DISCOVERED
                if handle.state in WAITING and (handle.state, handle.reason) != (state, reason):
                    self.set_state(handle, state, reason)
            self._is_stale = False
