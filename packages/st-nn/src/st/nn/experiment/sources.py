"""Sources of data by name: ours, and those that plugins contribute, found without an import."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from st.core import LoadError, PluginCapability, Registry
from st.core.isolation import attempt
from st.nn.data import Source
from st.nn.experiment.schema import SOURCES

POINT: Final = "st.nn.sources"
"""Where manifests contribute: source name → ``{ class = "pkg.mod:Class", description = "…" }``."""

_LOADERS: Final = PluginCapability.DATA_LOADERS


def source_names(registry: Registry) -> tuple[str, ...]:
    """Return the names that ``[data] source`` may give, sorted."""
    return tuple(sorted({*SOURCES, *_contributed(registry)}))


def source_class(registry: Registry, name: str) -> type[Source]:
    """Return the class of a source, one of `source_names`; the plugin that offers it is loaded.

    Raises:
        LoadError: The plugin's code fails, or what its manifest names is no source.
        KeyError: There is no such name.
    """
    if name in SOURCES:
        return SOURCES[name]
    plugin_id, target = _contributed(registry)[name]
    registry.load(plugin_id)
    module, _, class_name = target.partition(":")
    found: list[Any] = []
    error = attempt(lambda: found.append(getattr(import_module(module), class_name)))
    if error is not None:
        reason = f"{type(error).__name__}: {error}"
        raise LoadError(plugin_id, f"code of source {name!r} failed: {reason}") from error
    (of,) = found
    if not (isinstance(of, type) and issubclass(of, Source)):
        raise LoadError(plugin_id, f"source {name!r}: {target} is no subclass of st.nn.data.Source")
    return of


def _contributed(registry: Registry) -> dict[str, tuple[str, str]]:
    """Return plugin id and class of each contributed name; ours cannot be taken."""
    capable = {handle.id for handle in registry.find_by_capability(_LOADERS)}
    return {
        name: (contribution.plugin_id, str(entry["class"]))
        for contribution in registry.contributions(POINT)
        if contribution.plugin_id in capable
        for name, entry in contribution.table.items()
        if name not in SOURCES and isinstance(entry, Mapping) and "class" in entry
    }
