"""The one registry of a process, for applications that want just one."""

from __future__ import annotations

import threading

from st.core.registry import Registry

_lock = threading.Lock()
_current: Registry | None = None
_own: Registry | None = None


def global_registry() -> Registry:
    """The process's registry, made when it is first asked for; it has discovered nothing yet."""
    global _current, _own
    with _lock:
        if _current is None:
            _current = _own = Registry()
        return _current


def init_plugin_system() -> Registry:
    """The process's registry with the installed plugins known and the startup ones loaded.

    Calling it again changes nothing; after a shutdown it starts afresh. Use it as a context
    manager where the process has an end:

        with init_plugin_system() as registry:
            ...
    """
    global _current
    with _lock:
        if _current is not None and _current is _own and _current.is_shut_down:
            _current = None
    registry = global_registry()
    # A registry put in by `as_global` knows what its owner wants it to know.
    if registry is _own:
        registry.discover()
    registry.initialize_all()
    return registry


def exchange(registry: Registry | None) -> Registry | None:
    """Put another registry in the global one's place; gives the one before."""
    global _current
    with _lock:
        previous, _current = _current, registry
    return previous
