"""The one registry of a process, for applications that want just one."""

from __future__ import annotations

import os

from st.core.config import Config, config_path
from st.core.convert import convert
from st.core.current import current, exchange, lock
from st.core.registry import Registry

# The registry made here, as against one that `as_global` put in its place.
_own: Registry | None = None


def global_registry() -> Registry:
    """The process's registry, made when it is first asked for; it has discovered nothing yet.

    It reads the configuration file `$ST_CONFIG`, or `st/config.toml` in the user's place for such
    files.

    Raises:
        ConfigError: When there is such a file and it cannot be used.
    """
    global _own
    with lock:
        registry = current()
        if registry is None:
            registry = _own = _configured()
            exchange(registry)
        return registry


def _configured() -> Registry:
    """A registry that knows the user's configuration file, if there is one.

    `allow` and `block` in it, lists of distributions, say whose plugins may load.
    """
    path = config_path()
    if not os.path.exists(path):
        return Registry()
    settings = Config(environ={})
    settings.load_file(path)
    lists = {
        key: convert(value, list[str], f"{key} (from {path})")
        for key in ("allow", "block")
        if (value := settings.get("", key)) is not None
    }
    registry = Registry(**lists)
    registry.config.load_file(path)
    return registry


def init_plugin_system() -> Registry:
    """The process's registry with the installed plugins known and the startup ones loaded.

    Calling it again changes nothing; after a shutdown it starts afresh. Use it as a context
    manager where the process has an end:

        with init_plugin_system() as registry:
            ...

    Raises:
        ConfigError: When the user's configuration file cannot be used.
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
