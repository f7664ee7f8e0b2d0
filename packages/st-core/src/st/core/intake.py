"""Take plugins into a registry that are handed to it or lie at a path, and let them go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from st.core.errors import DuplicatePluginError, MetadataError
from st.core.events import PluginFailed
from st.core.handle import PluginHandle, PluginState
from st.core.isolation import attempt
from st.core.lifecycle import activate, activate_all, declared_metadata
from st.core.metadata import PluginMetadata
from st.core.resolve import in_order
from st.core.source import ObjectSource, Source
from st.core.unloading import as_unloaded, unload

if TYPE_CHECKING:
    from pathlib import Path

    from st.core.registry import Registry


def register(registry: Registry, plugin: object, metadata: PluginMetadata | None) -> PluginHandle:
    """Take in a plugin or a class of one and bring it up; a failing one leaves no trace."""
    declared = declared_metadata(plugin) if metadata is None else metadata
    if declared is None:
        raise MetadataError(
            f"{plugin!r} has no metadata: set metadata = PluginMetadata(id, version) in its "
            "class, or pass metadata= to register"
        )
    source = Source(plugin) if isinstance(plugin, type) else ObjectSource(declared.id, plugin)
    _add(registry, PluginHandle(declared, "registered here", source))
    return activate(registry, declared.id, explicitly=True, is_new=True)


def load_path(registry: Registry, path: str | Path) -> tuple[PluginHandle, ...]:
    """Take in and bring up the plugins of a file, all or none, or of a folder, each it can."""
    from st.core.paths import absolute, handles_in, is_folder  # import pathlib: 7 ms

    path = absolute(path)
    handles = tuple(handles_in(path))
    if is_folder(path):
        for handle in handles:
            _add_or_note(registry, handle)
        usable = [handle for handle in handles if handle.state is PluginState.DISCOVERED]
        activate_all(registry, in_order(usable))
        return handles
    try:
        for handle in handles:
            _add(registry, handle)
        for handle in in_order(handles):
            activate(registry, handle.id, explicitly=True, is_new=True)
    except BaseException:
        for handle in reversed(handles):
            if handle.state is PluginState.UNAVAILABLE:
                continue  # stays, with its reason, until somebody tries again
            if registry.plugins.peek(handle.id) is handle:
                attempt(lambda gone: unload(registry, gone, {}, cascade=True), handle.id)
                registry.plugins.discard(handle)
            registry.bus.forget(handle.source.release())
        raise
    return handles


def unregister(registry: Registry, plugin_id: str, *, cascade: bool) -> tuple[str, ...]:
    """Take a plugin down, with `cascade` those that depend on it, and let them go."""
    errors: dict[str, list[Exception]] = {}
    ids = unload(registry, plugin_id, errors, cascade=cascade)
    for gone in ids:
        drop(registry, gone)
    if any(errors.values()):
        as_unloaded(errors).raise_errors()
    return ids


def drop(registry: Registry, plugin_id: str) -> None:
    """Forget a plugin that is unloaded, unless it is installed: that one stays known."""
    handle = registry.plugins.peek(plugin_id)
    if handle is not None and not handle.distribution and registry.plugins.discard(handle):
        registry.bus.forget(handle.source.release())


def _add_or_note(registry: Registry, handle: PluginHandle) -> None:
    try:
        _add(registry, handle)
    except DuplicatePluginError as error:
        handle.state, handle.reason = PluginState.CONFLICTING, str(error)
    if handle.state is not PluginState.DISCOVERED:
        registry.bus.publish(PluginFailed(handle.id, str(handle.state), handle.reason))


def _add(registry: Registry, handle: PluginHandle) -> None:
    replaced = registry.plugins.add(handle)
    if replaced is not None:
        registry.bus.forget(replaced.source.release())
