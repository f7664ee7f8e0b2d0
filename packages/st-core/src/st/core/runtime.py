"""The one registry of a process, for applications that want just one."""

from __future__ import annotations

from st.core.current import current, exchange, lock
from st.core.registry import Registry

# The registry made here, as against one that `as_global` put in its place.
_own: Registry | None = None


def global_registry() -> Registry:
    """The process's registry, made when it is first asked for; it has discovered nothing yet."""
    global _own
    with lock:
        registry = current()
        if registry is None:
            registry = _own = Registry()
            exchange(registry)
        return registry


def init_plugin_system() -> Registry:
    """The process's registry with the installed plugins known and the startup ones loaded.

    Calling it again changes nothing; after a shutdown it starts afresh. Use it as a context
    manager where the process has an end:

        with init_plugin_system() as registry:
            ...
    """
    with lock:
        if _own is not None and current() is _own and _own.is_shut_down:
            exchange(None)
        registry = global_registry()
    # A registry put in by `as_global` knows what its owner wants it to know.
    if registry is _own:
        registry.discover()
    registry.initialize_all()
    return registry
