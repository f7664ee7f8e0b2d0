"""Take plugins into a registry that are handed to it or lie at a path, and let them go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from st.core.errors import DuplicatePluginError, MetadataError
from st.core.handle import PluginHandle, PluginState
from st.core.isolation import attempt
from st.core.lifecycle import Lifecycle, declared_metadata
from st.core.metadata import PluginMetadata
from st.core.resolve import in_order
from st.core.source import ClassSource, ObjectSource, Source
from st.core.unloading import Unloading

if TYPE_CHECKING:
    from pathlib import Path


class Intake:
    """How plugins that are not installed get into one registry, and out of it."""

    def __init__(self, lifecycle: Lifecycle, unloading: Unloading) -> None:
        self._up = lifecycle
        self._down = unloading
        self._table = lifecycle.table

    def register(self, plugin: object, metadata: PluginMetadata | None) -> PluginHandle:
        """Take in a plugin or a class of one and bring it up; a failing one leaves no trace."""
        declared = declared_metadata(plugin) if metadata is None else metadata
        if declared is None:
            raise MetadataError(
                f"{plugin!r} has no metadata: set metadata = PluginMetadata(id, version) in its "
                "class, or pass metadata= to register"
            )
        is_class = isinstance(plugin, type)
        source: Source = ClassSource(plugin) if is_class else ObjectSource(declared.id, plugin)
        handle = PluginHandle(declared, "registered here", source)
        self._add(handle)
        return self._up.activate(handle.id, explicitly=True, is_new=True)

    def load_path(self, path: str | Path) -> tuple[PluginHandle, ...]:
        """Take in and bring up the plugins of a file, all or none, or of a folder, each it can."""
        from st.core.paths import absolute, handles_in, is_folder  # import pathlib: 7 ms

        path = absolute(path)
        handles = handles_in(path)
        if is_folder(path):
            for handle in handles:
                self._add_or_note(handle)
            usable = [handle for handle in handles if handle.state is PluginState.DISCOVERED]
            self._up.activate_all(tuple(in_order(usable)))
            return tuple(handles)
        try:
            for handle in handles:
                self._add(handle)
            for handle in in_order(handles):
                self._up.activate(handle.id, explicitly=True, is_new=True)
        except BaseException:
            for handle in reversed(handles):
                if handle.state is PluginState.UNAVAILABLE:
                    continue  # stays, with its reason, until somebody tries again
                if self._table.peek(handle.id) is handle:
                    attempt(lambda gone: self._down.unload(gone, cascade=True), handle.id)
                    self._table.discard(handle)
                self._up.registry.bus.forget(handle.source.release())
            raise
        return tuple(handles)

    def _add_or_note(self, handle: PluginHandle) -> None:
        try:
            self._add(handle)
        except DuplicatePluginError as error:
            handle.state, handle.reason = PluginState.CONFLICTING, str(error)
        if handle.state is not PluginState.DISCOVERED:
            self._up.report_failure(handle.id, handle.reason, handle.state)

    def _add(self, handle: PluginHandle) -> None:
        replaced = self._table.add(handle)
        if replaced is not None:
            self._up.registry.bus.forget(replaced.source.release())

    def drop(self, plugin_id: str) -> None:
        """Forget a plugin that is unloaded, unless it is installed: that one stays known."""
        handle = self._table.peek(plugin_id)
        if handle is not None and not handle.distribution and self._table.discard(handle):
            self._up.registry.bus.forget(handle.source.release())
