"""Offering modules: the events that tell of it, and calling the code of those who offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from st.core import Event, LoadError, event
from st.core.isolation import attempt


@event
class ModuleRegistered(Event):
    """A module can be created by name."""

    module_type: str
    plugin_id: str = ""


@event
class ModuleReplaced(Event):
    """A name stands for another module than before: asked for, or taken back."""

    module_type: str
    plugin_id: str = ""
    previous_plugin_id: str = ""


def call_foreign(what: str, plugin_id: str, call: Callable[[], Any]) -> Any:
    """Return what `call` returns; what it raises becomes a `LoadError` that names the culprit."""
    results: list[Any] = []
    error = attempt(lambda: results.append(call()))
    if error is not None:
        raise LoadError(plugin_id, f"{what} failed: {type(error).__name__}: {error}") from error
    return results[0]
