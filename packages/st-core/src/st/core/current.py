"""The place that holds the process's one registry, below everything that puts one there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from st.core.registry import Registry

#: Held by whoever looks at the place and may change it.
lock = threading.RLock()
_registry: Registry | None = None


def current() -> Registry | None:
    """The registry put there, None when there is none yet."""
    return _registry


def exchange(registry: Registry | None) -> Registry | None:
    """Put another registry there; gives the one before."""
    global _registry
    with lock:
        previous, _registry = _registry, registry
        return previous
