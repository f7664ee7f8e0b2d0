"""See that nothing stays behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from st.core.registry import Registry


@contextmanager
def assert_no_leaks(registry: Registry) -> Iterator[None]:
    """Fail when a registry holds more at the end than at the beginning.

    Looks at plugins, subscriptions, services, configuration, modules of path plugins, threads.

    Raises:
        AssertionError: Naming what was left behind.
    """
    before = _inventory(registry)
    yield
    after = _inventory(registry)
    left = {what: sorted(after[what] - before[what]) for what in after}
    found = [f"{what}: {', '.join(names)}" for what, names in left.items() if names]
    if found:
        raise AssertionError("left behind: " + "; ".join(found))


def _inventory(registry: Registry) -> dict[str, set[str]]:
    services = registry.services
    return {
        "plugins": {handle.id for handle in registry},
        "subscriptions": {f"{item!r} #{item.sequence}" for item in registry.bus.subscriptions()},
        "services": {
            f"{reference!r} #{reference.sequence}"
            for name in services.names()
            for reference in services.references(name)
        },
        "configuration": set(registry.config.list()),
        "modules": {name for name in sys.modules if "@" in name},
        "threads": {thread.name for thread in threading.enumerate()},
    }
