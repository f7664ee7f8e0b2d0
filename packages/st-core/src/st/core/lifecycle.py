"""Bring plugins up: what must hold before, what is undone when it fails."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from st.core.context import PluginContext
from st.core.edges import Edges
from st.core.errors import (
    ActivationCycleError,
    DependencyError,
    LoadError,
    MetadataError,
    PluginError,
    PluginNotFoundError,
    PluginUnavailable,
    TransitionTimeoutError,
)
from st.core.events import PluginFailed, PluginLoaded
from st.core.handle import RETRIED, STUCK, USABLE, PluginHandle, PluginState
from st.core.isolation import attempt, loading
from st.core.manifest import differences
from st.core.metadata import PluginMetadata, split_contract
from st.core.resolve import unmet
from st.core.service import NO_DEFAULT, ServiceKey
from st.core.table import PluginTable
from st.core.turns import Turns

if TYPE_CHECKING:
    from st.core.registry import Registry

#: Stands for the state of a plugin that hands none over.
NO_STATE: Final[Any] = object()
# How often a change made by other threads in between may start a transition over.
_ATTEMPTS: Final = 100


# States in which a plugin that was just taken in stays known.
_STANDING: Final = (PluginState.ACTIVE, PluginState.UNAVAILABLE)


class Lifecycle:
    """Brings the plugins of one registry up.

    Each transition has one owner per id, through `turns`; no lock is held while plugin code
    runs. The table's lock is held only to look at states and edges and to change them together.
    """

    def __init__(self, registry: Registry, table: PluginTable, turns: Turns) -> None:
        self.registry = registry
        self.table = table
        self.turns = turns
        self.edges = Edges()
        #: The contexts of active plugins, in the order they came up.
        self.contexts: dict[str, PluginContext] = {}
        self.is_down = False

    def activate(
        self,
        plugin_id: str,
        *,
        explicitly: bool = False,
        is_new: bool = False,
        state: object = NO_STATE,
    ) -> PluginHandle:
        """Bring a plugin up, what it requires first.

        Args:
            plugin_id: Whose turn it is.
            explicitly: By `load` or `register`: also when it was unloaded or failed before.
            is_new: Forget it when it fails, before anybody else can have a turn.
            state: What the plugin exported when it was stopped.

        Raises:
            PluginNotFoundError, PluginUnavailable, DependencyError, LoadError,
            ActivationCycleError, TransitionTimeoutError: See `Registry.load`.
        """
        present = self.table.peek(plugin_id)
        if present is not None and present.state is PluginState.ACTIVE:
            return present
        raised: PluginError | None = None
        began = perf_counter()
        self.turns.take(plugin_id)
        try:
            handle = self.table.peek(plugin_id) or self.table.known(plugin_id)
            if handle.state is PluginState.ACTIVE:
                return handle
            try:
                raised = self._attempt(handle, explicitly, state)
            finally:
                if is_new and handle.state not in _STANDING:
                    self.table.remove(handle)
        finally:
            self.turns.give_back(plugin_id)
        if raised is not None:
            self.report_failure(plugin_id, str(raised), handle.state)
            raise raised
        self.registry.bus.publish(PluginLoaded(plugin_id, perf_counter() - began))
        return handle

    def _attempt(self, handle: PluginHandle, explicitly: bool, state: object) -> PluginError | None:
        """Load a plugin; the failure of its own code, if there is one, is noted and given."""
        self._check_allowed(handle, explicitly)
        self._require(handle, explicitly)
        # Stands for whatever ends the loading and is no failure of the plugin: Ctrl-C.
        error: Exception | SystemExit | None = SystemExit("interrupted")
        try:
            error = loading(self._bring_up, handle, explicitly, state)
        finally:
            raised = None if error is None else self._note_failure(handle, error)
        return raised

    def report_failure(
        self, plugin_id: str, reason: str, state: PluginState = PluginState.ACTIVE
    ) -> None:
        """Tell everybody that something of a plugin failed."""
        self.registry.bus.publish(PluginFailed(plugin_id, str(state), reason))

    def _check_allowed(self, handle: PluginHandle, explicitly: bool) -> None:
        state = handle.state
        if state in STUCK:
            raise LoadError(handle.id, f"{handle.id} is {state}: {handle.reason}")
        if explicitly or (state in USABLE and not self.is_down):
            return
        if state is PluginState.UNAVAILABLE:
            raise PluginUnavailable(handle.reason, plugin_id=handle.id)
        why = handle.reason or ("the registry is shut down" if self.is_down else "on request")
        raise DependencyError(
            handle.id, f"{handle.id} is {state} ({why}); load({handle.id!r}) tries it again"
        )

    def _require(self, handle: PluginHandle, explicitly: bool) -> None:
        """Bring up what a plugin requires, and set it LOADING while all of that is active."""
        metadata = handle.metadata
        for _ in range(_ATTEMPTS):
            for plugin_id, versions in sorted(metadata.requires.items()):
                other = self.table.peek(plugin_id)
                may_try = explicitly and other is not None and other.state in RETRIED
                reason = "" if may_try else unmet(plugin_id, versions, other)
                if reason:
                    raise DependencyError(
                        handle.id, f"{handle.id} {reason}{_install_hint('plugins', plugin_id)}"
                    )
                self._bring_up_for(handle, plugin_id, explicitly)
            for text in metadata.requires_services:
                self._find_provider(handle, text)
            for plugin_id in sorted(metadata.optional):
                other = self.table.get(plugin_id)
                if other is not None and other.state in USABLE:
                    attempt(self.activate, plugin_id)
            with self.table.lock:
                reason = self.table.clash(handle)
                if reason:
                    raise DependencyError(handle.id, f"{handle.id} {reason}")
                if not metadata.requires or all(map(self._is_active, metadata.requires)):
                    self.begin(handle)
                    return
        raise TransitionTimeoutError(
            handle.id, f"{handle.id}: what it requires is unloaded as fast as it is loaded"
        )

    def _bring_up_for(self, handle: PluginHandle, plugin_id: str, explicitly: bool) -> None:
        try:
            self.activate(plugin_id, explicitly=explicitly)
        except (ActivationCycleError, TransitionTimeoutError):
            raise
        except PluginError as error:
            raise DependencyError(
                handle.id, f"{handle.id} requires {plugin_id}: {error}"
            ) from error

    def _find_provider(self, handle: PluginHandle, text: str) -> None:
        name, versions = split_contract(text)
        if self.registry.services.offers(name, versions):
            return
        failures = self._activate_providers(name)
        if not self.registry.services.offers(name, versions):
            why = "; ".join(failures) or "no plugin provides it"
            raise DependencyError(
                handle.id,
                f"{handle.id} requires service {text}: {why}{_install_hint('services', name)}",
            )

    def _is_active(self, plugin_id: str) -> bool:
        handle = self.table.peek(plugin_id)
        return handle is not None and handle.state is PluginState.ACTIVE

    def _bring_up(self, handle: PluginHandle, explicitly: bool, state: object) -> None:
        plugin = handle.source.make()
        declared = declared_metadata(plugin)
        if declared is not None and declared is not handle.metadata:
            self._compare(handle, declared, explicitly)
        self.start(handle, plugin, state)

    def _compare(self, handle: PluginHandle, declared: PluginMetadata, explicitly: bool) -> None:
        if not handle.is_opaque:
            found = differences(handle.metadata, declared)
            if found:
                raise LoadError(handle.id, f"{handle.id}: {'; '.join(found)}")
        elif declared.id != handle.id:
            raise LoadError(handle.id, f"{handle.id}: the class says its id is {declared.id!r}")
        else:
            version = handle.version if handle.distribution else declared.version
            handle.is_opaque = False
            self.describe(handle, declared.__replace__(version=version))
            self._require(handle, explicitly)

    def describe(self, handle: PluginHandle, metadata: PluginMetadata) -> None:
        """Take over what only became known when the plugin's code was imported."""
        with self.table.lock:
            self.table.unindex(handle)
            self.edges.remove(handle.metadata, keep_uses=True)
            handle.metadata = metadata
            self.edges.add(metadata)
            self.table.index(handle)

    def begin(self, handle: PluginHandle) -> None:
        """Set a plugin LOADING; from now on it counts as a dependent of what it requires."""
        with self.table.lock:
            if self.table.peek(handle.id) is not handle:
                raise PluginNotFoundError(handle.id, f"{handle.id} was unregistered meanwhile")
            self.table.set_state(handle, PluginState.LOADING)
            self.edges.add(handle.metadata)

    def start(self, handle: PluginHandle, plugin: Any, state: object) -> None:
        """Have a plugin begin to work; when it fails, all it did is undone."""
        if not callable(getattr(plugin, "on_load", None)):
            raise LoadError(handle.id, f"{handle.id}: {plugin!r} is no plugin, it has no on_load")
        hands_over = callable(getattr(plugin, "export_state", None))
        context = PluginContext(self.registry, handle.id, is_gated=hands_over)
        try:
            self.registry.config.define(handle.id, getattr(plugin, "config_schema", None))
            plugin.on_load(context)
            if state is not NO_STATE:
                plugin.import_state(state)
        except BaseException as error:
            context.withdraw()
            for failed in context.unwind():
                error.add_note(f"while undoing what it had done: {failed!r}")
            self.registry.config.define(handle.id, None)
            with self.table.lock:
                self.edges.remove(handle.metadata)
            raise
        with self.table.lock:
            handle.plugin = plugin
            self.contexts[handle.id] = context
            self.table.set_state(handle, PluginState.ACTIVE)

    def _note_failure(self, handle: PluginHandle, error: Exception | SystemExit) -> PluginError:
        """Set the state a failure leaves, and give the error to raise."""
        with self.table.lock:
            self.edges.remove(handle.metadata)
        if isinstance(error, PluginUnavailable):
            error.plugin_id = handle.id
            self.table.set_state(handle, PluginState.UNAVAILABLE, str(error))
            return error
        if isinstance(error, ActivationCycleError | TransitionTimeoutError):
            self.table.set_state(handle, PluginState.DISCOVERED)
            return error
        if isinstance(error, PluginError) and error.plugin_id == handle.id:
            raised: PluginError = error
        else:
            raised = LoadError(
                handle.id, f"{handle.id} failed to load: {type(error).__name__}: {error}"
            )
            raised.__cause__ = error
        self.table.set_state(handle, PluginState.FAILED, str(raised))
        return raised

    # --- looking up -----------------------------------------------------------------------------

    def get_service(
        self, key: ServiceKey[Any] | str, default: object = NO_DEFAULT, *, user: str = ""
    ) -> Any:
        """A service; when nobody offers it yet, who declares to is brought up."""
        services = self.registry.services
        reference = services.find(key)
        if reference is None:
            name = key if isinstance(key, str) else key.name
            failures = self._activate_providers(name)
            reference = services.find(key)
            if reference is None:
                if default is not NO_DEFAULT:
                    return default
                why = "".join(f"; {failure}" for failure in failures)
                raise services.not_found(key, why + _install_hint("services", name))
        if user and reference.plugin_id and reference.plugin_id != user:
            with self.table.lock:
                self.edges.use(user, reference.plugin_id)
        return services.resolve(reference, key)

    def activate_all(self, handles: tuple[PluginHandle, ...]) -> tuple[PluginHandle, ...]:
        """Bring up those that can be; the others' states say why they are left out."""
        for handle in handles:
            self._try(handle)
        return tuple([handle for handle in handles if handle.state is PluginState.ACTIVE])

    def _activate_providers(self, name: str) -> list[str]:
        """Bring up providers until one offers the service; why those before it could not."""
        failures: list[str] = []
        for handle in self.table.by_service(name):
            if self.is_down:
                return ["the registry is shut down"]
            failed = self._try(handle)
            if failed:
                failures.append(failed)
            elif self.registry.services.find(name) is not None:
                break
        return failures

    def _try(self, handle: PluginHandle) -> str:
        try:
            self.activate(handle.id)
        except (ActivationCycleError, TransitionTimeoutError):
            raise
        except PluginError as error:
            return f"{handle.id}: {error}"
        return ""


def declared_metadata(plugin: object) -> PluginMetadata | None:
    """What a plugin says of itself: an attribute, or as in other languages a method."""
    declared = getattr(plugin, "metadata", None)
    if callable(declared):
        declared = declared()
    if declared is not None and not isinstance(declared, PluginMetadata):
        raise MetadataError(f"{plugin!r}: metadata is {declared!r}, expected PluginMetadata")
    return declared


def _install_hint(kind: str, name: str) -> str:
    from st.core.catalog import provider_of  # reads a file, only for the message

    provider = provider_of(kind, name)
    return f"; {provider.install} provides it" if provider else ""
