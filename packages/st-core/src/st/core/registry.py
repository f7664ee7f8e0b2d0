"""The registry: every plugin, and the one object applications work with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

from st.core.capability import PluginCapability
from st.core.handle import Contribution, PluginHandle, PluginState
from st.core.metadata import PluginMetadata
from st.core.table import PluginTable

# What is not needed to know the installed plugins is imported by the method that does: half of
# the modules, 2 of 5 ms.
if TYPE_CHECKING:
    from pathlib import Path

    from st.core.bus import EventBus
    from st.core.config import Config
    from st.core.service import ServiceKey
    from st.core.services import Services
    from st.core.unloading import Unloaded
    from st.core.watch import Watcher

_T = TypeVar("_T")
_D = TypeVar("_D")


class Registry:
    """Knows plugins, brings them up when they are needed, and takes them down again.

    A new registry is empty until `discover` or `register`. Leaving `with` shuts it down. Safe to
    use from any thread.

    >>> from st.core import Plugin
    >>> class Greeter(Plugin):
    ...     metadata = PluginMetadata("greeter", "1.0")
    ...     def on_load(self, ctx):
    ...         ctx.register_service("greeting", "hello")
    >>> with Registry() as registry:
    ...     registry.register(Greeter)
    ...     registry.get_service("greeting")
    <plugin greeter 1.0: active>
    'hello'

    Args:
        environ: The environment configuration is read from; the process's unless given.
        allow: Names of distributions whose plugins may load; all unless given.
        block: Names of distributions whose plugins may not load.
        wait_s: How long one thread waits for another's transition.

    Attributes:
        plugins: What is known of each plugin; for the modules that move plugins.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        allow: Iterable[str] | None = None,
        block: Iterable[str] = (),
        wait_s: float = 30.0,
    ) -> None:
        self.plugins = PluginTable(wait_s)
        self._environ = environ
        self._allow = None if allow is None else frozenset(allow)
        self._block = frozenset(block)
        self._is_initialized = False

    # Of two threads that ask first, `setdefault` gives both the same object.

    @cached_property
    def bus(self) -> EventBus:
        """Hands events to listeners."""
        from st.core.bus import EventBus

        kept: EventBus = vars(self).setdefault("bus", EventBus())
        return kept

    @cached_property
    def services(self) -> Services:
        """What plugins offer one another."""
        from st.core.services import Services

        made = Services(self.bus.publish, self.plugins.turns)
        kept: Services = vars(self).setdefault("services", made)
        return kept

    @cached_property
    def config(self) -> Config:
        """The configuration of plugins."""
        from st.core.config import Config

        kept: Config = vars(self).setdefault("config", Config(self.bus.publish, self._environ))
        return kept

    # --- getting to know plugins ----------------------------------------------------------------

    def discover(
        self, *, group: str = "st.plugins", path: Sequence[str] | None = None
    ) -> tuple[PluginHandle, ...]:
        """Get to know the installed plugins, importing none of them.

        What is wrong with one of them is in its handle's `reason` and hides no other.

        Args:
            group: The entry-point group.
            path: Where to look; `sys.path` unless given.

        Returns:
            The handles that are new.
        """
        from st.core.discovery import discover

        return tuple(discover(self.plugins, group, path, self._allow, self._block))

    def register(self, plugin: object, *, metadata: PluginMetadata | None = None) -> PluginHandle:
        """Take in a plugin, or a class of one, and load it.

        A plugin that fails leaves no trace; one that is unavailable stays in that state.

        Args:
            plugin: A plugin object, or a class that makes one when called without arguments.
            metadata: Its facts, when the plugin does not carry them itself.

        Raises:
            DuplicatePluginError: When its id is in use.
            MetadataError: When it says nothing about itself.
            PluginUnavailable, DependencyError, LoadError, ActivationCycleError: See `load`.
        """
        from st.core.intake import register

        return register(self, plugin, metadata)

    def load_path(self, path: str | Path) -> tuple[PluginHandle, ...]:
        """Load the plugins of a Python file, or of every file and package in a folder.

        Modules get names of their own (`name@1`), and `sys.path` stays as it is. Of one file all
        plugins load or none; from a folder, a broken file hides no other: its handle says what
        is wrong.

        Raises:
            LoadError: When a single file holds no plugin, or cannot be loaded.
            DuplicatePluginError: When an id is in use.
        """
        from st.core.intake import load_path

        return load_path(self, path)

    # --- bringing up and taking down ------------------------------------------------------------

    def load(self, plugin_id: str) -> PluginHandle:
        """Load a plugin, what it requires first; also when it was unloaded or failed before.

        Raises:
            PluginNotFoundError: When there is none of that id.
            PluginUnavailable: When it cannot work on this machine.
            DependencyError: When a requirement is not met.
            LoadError: When it fails; nothing it did is left.
            ActivationCycleError: When loading it takes having loaded it.
            TransitionTimeoutError: When another thread is at work on it for too long.
        """
        from st.core.lifecycle import activate

        return activate(self, plugin_id, explicitly=True)

    def unregister(
        self, plugin_id: str, dependents: Literal["refuse", "cascade"] = "refuse"
    ) -> tuple[str, ...]:
        """Unload a plugin and undo all it did; the inverse of `register` and `load`.

        An installed plugin stays known and loads again only by `load`.

        Args:
            plugin_id: Which.
            dependents: What to do about plugins that need it: refuse to unload it, or unload
                them first. Those that merely use one of its services are then started again.

        Returns:
            The ids unloaded, in order.

        Raises:
            PluginNotFoundError: When there is none of that id.
            DependencyError: When others need it and `dependents` is "refuse".
            ExceptionGroup: Of what clean-up raised, after all of it is done.
        """
        from st.core.intake import unregister

        return unregister(self, plugin_id, cascade=dependents == "cascade")

    def reload(self, plugin_id: str) -> PluginHandle:
        """Exchange a plugin for the version on disk; what depends on it is started again.

        With `reload = "restart"` in its metadata the old version stops before the new one
        starts; with "beside" the new one loads while the old one works. Between versions that
        have `export_state` and `import_state` no event is lost and the state goes over.

        Raises:
            PluginNotFoundError: When there is none of that id.
            ReloadError: When it fails. The old version is then running, or running again.
        """
        from st.core.reload import reload

        return reload(self, plugin_id)

    def watch(self, path: str | Path) -> Watcher:
        """Load the plugins of a file or folder, and reload each when its file changes.

        Returns:
            The handle that stops it.
        """
        from st.core.watch import Watcher

        return Watcher(self, path)

    def initialize_all(self) -> tuple[PluginHandle, ...]:
        """Load the plugins that ask to be loaded at the start, then publish SystemInit; once.

        A failing one is recorded in its state and stops no other.

        Returns:
            The startup plugins that are active.
        """
        from st.core.events import SystemInit
        from st.core.lifecycle import activate_all
        from st.core.resolve import in_order

        startup = [one for one in self.plugins.all() if one.metadata.activate == "startup"]
        if self._is_initialized:
            return tuple([handle for handle in startup if handle.state is PluginState.ACTIVE])
        self._is_initialized = True
        self.plugins.is_down = False
        active = activate_all(self, in_order(startup))
        self.bus.publish(SystemInit())
        return active

    def shutdown(self) -> Unloaded:
        """Publish SystemShutdown and unload every plugin, last one up first. Idempotent.

        A failing plugin stops no other. Afterwards nothing loads by itself: only `load` and
        `initialize_all` bring plugins back.

        Returns:
            What was unloaded, and what went wrong.
        """
        from st.core.events import SystemShutdown
        from st.core.intake import drop
        from st.core.unloading import Unloaded, unload_all

        if self.plugins.is_down:
            return Unloaded((), {})
        self.plugins.is_down = True
        self._is_initialized = False
        self.bus.publish(SystemShutdown())
        unloaded = unload_all(self)
        for plugin_id in unloaded.ids:
            drop(self, plugin_id)
        return unloaded

    @property
    def is_shut_down(self) -> bool:
        """Whether `shutdown` was called and `initialize_all` was not, since."""
        return self.plugins.is_down

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    # --- looking up -----------------------------------------------------------------------------

    def get(self, plugin_id: str) -> PluginHandle | None:
        """The plugin of an id, None when there is none."""
        return self.plugins.get(plugin_id)

    def list(self) -> tuple[PluginHandle, ...]:
        """Every plugin, in the order they became known."""
        return self.plugins.all()

    def __contains__(self, plugin_id: object) -> bool:
        return isinstance(plugin_id, str) and self.plugins.peek(plugin_id) is not None

    def __iter__(self) -> Iterator[PluginHandle]:
        return iter(self.plugins.all())

    def __len__(self) -> int:
        return len(self.plugins.all())

    def find_by_capability(
        self,
        capability: PluginCapability | str,
        *,
        activate: bool = False,
        all: bool = False,
    ) -> tuple[PluginHandle, ...]:
        """Plugins with a capability: active ones and those that could be, imported or not.

        Args:
            capability: Such as `PluginCapability.Backend("OpenCL")` or "Backend(OpenCL)".
            activate: Load them, and leave out those that fail.
            all: Also those that are blocked, conflicting, unresolved, unavailable or failed;
                their `reason` says why.

        Returns:
            By rank descending, then in the order they became known.
        """
        wanted = PluginCapability.parse(capability) if isinstance(capability, str) else capability
        found = self.plugins.all_holders(wanted) if all else self.plugins.holders(wanted)
        if not activate:
            return found
        from st.core.lifecycle import activate_all

        return activate_all(self, found)

    @overload
    def get_service(self, key: ServiceKey[_T]) -> _T: ...
    @overload
    def get_service(self, key: ServiceKey[_T], default: _D) -> _T | _D: ...
    @overload
    def get_service(self, key: str, default: object = ...) -> Any: ...
    def get_service(self, key: ServiceKey[Any] | str, default: object = ...) -> Any:
        """The best provider's service; when there is none yet, who declares one is loaded.

        Raises:
            ServiceNotFoundError: When nobody offers it, saying who failed and what to install;
                not when a `default` is given.
            ServiceTypeError: When the provider does not fulfil the key's contract.
            ActivationCycleError: When its provider is being loaded by this very thread.
        """
        reference = self.services.find(key)
        if reference is not None:
            return self.services.resolve(reference, key)
        from st.core.lifecycle import load_service

        return load_service(self, key, default)

    def contributions(self, point: str) -> tuple[Contribution, ...]:
        """What the manifests of usable plugins contribute to a point, none of them imported."""
        return self.plugins.contributions(point)

    def graph(self) -> dict[str, tuple[str, ...]]:
        """What each plugin requires, by id."""
        from st.core.explain import graph

        return graph(self)

    def validate(self) -> tuple[str, ...]:
        """One sentence for every plugin that cannot be used, and why."""
        from st.core.explain import validate

        return validate(self)

    def explain(self, plugin_id: str) -> str:
        """A plugin's state and all that has to do with it, as sentences.

        Raises:
            PluginNotFoundError: When there is none of that id.
        """
        from st.core.explain import explain

        users = tuple(self.plugins.edges.users.get(plugin_id, ()))
        return explain(self.plugins.known(plugin_id), self, users)

    def to_mermaid(self) -> str:
        """The graph of requirements as a Mermaid flowchart."""
        from st.core.explain import to_mermaid

        return to_mermaid(self)

    def to_dot(self) -> str:
        """The graph of requirements for Graphviz."""
        from st.core.explain import to_dot

        return to_dot(self)

    # --- the global registry --------------------------------------------------------------------

    @contextmanager
    def as_global(self) -> Iterator[Self]:
        """Make this the registry that `global_registry` gives, inside `with`."""
        from st.core.current import exchange

        previous = exchange(self)
        try:
            yield self
        finally:
            exchange(previous)


#: The registry under the name of the original.
PluginRegistry = Registry
