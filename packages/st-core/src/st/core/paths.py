"""Plugins from files and folders, imported under names of their own."""

from __future__ import annotations

import itertools
import re
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from st.core.errors import LoadError, StError
from st.core.handle import PluginHandle, PluginState
from st.core.isolation import loading
from st.core.metadata import PluginMetadata
from st.core.plugin import Plugin
from st.core.source import ObjectSource, Source, Undo

_generations = itertools.count(1)


class FileModule:
    """A module read from a file, in `sys.modules` under `stem@n`, until nobody uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"{_module_stem(path)}@{next(_generations)}"
        self._n_users = 0
        self.module = self._read()

    def _read(self) -> ModuleType:
        is_package = self.path.name == "__init__.py"
        spec = spec_from_file_location(
            self.name,
            self.path,
            # Read the source itself: a cached compilation may be as old as the clock is coarse.
            loader=_UncachedLoader(self.name, str(self.path)),
            submodule_search_locations=[str(self.path.parent)] if is_package else None,
        )
        if spec is None or spec.loader is None:
            raise LoadError(_id_from(self.path), f"{self.path} is no Python file")
        module = module_from_spec(spec)
        # In sys.modules before it runs: dataclasses look their module up there.
        sys.modules[self.name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            self._drop()
            raise
        return module

    def plugin_classes(self) -> list[type[Any]]:
        """The plugin classes the file itself defines, in the order they stand there."""
        return [
            value
            for value in vars(self.module).values()
            if isinstance(value, type)
            and value.__module__.partition(".")[0] == self.name
            and value is not Plugin
            and callable(getattr(value, "on_load", None))
        ]

    def hold(self) -> None:
        """Count one more user."""
        self._n_users += 1

    def let_go(self) -> frozenset[str]:
        """Count one user less; the modules dropped when it was the last."""
        self._n_users -= 1
        return frozenset() if self._n_users else self._drop()

    def _drop(self) -> frozenset[str]:
        names = [
            name for name in sys.modules if name == self.name or name.startswith(f"{self.name}.")
        ]
        for name in names:
            del sys.modules[name]
        return frozenset(names)


class _UncachedLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class PathSource(Source):
    """One plugin class of a file."""

    def __init__(self, file: FileModule, class_name: str) -> None:
        super().__init__(lambda: getattr(file.module, class_name)())
        self.file = file
        self._class_name = class_name
        file.hold()

    def renewed(self) -> tuple[PathSource, Undo]:
        """The class of the same name in the file as it is now.

        Raises:
            LoadError: When the file cannot be imported, or lost the class.
        """
        file = FileModule(self.file.path)
        source = PathSource(file, self._class_name)
        if not isinstance(getattr(file.module, self._class_name, None), type):
            source.release()
            raise LoadError(
                _id_from(file.path), f"{file.path} has no class {self._class_name} any more"
            )
        return source, source.release

    def release(self) -> frozenset[str]:
        """Drop the module when this was its last plugin."""
        return self.file.let_go()


def absolute(path: str | Path) -> Path:
    """The path from the root, with `~` written out."""
    return Path(path).expanduser().absolute()


def is_folder(path: Path) -> bool:
    """Whether it is a folder of plugins rather than one file or package."""
    return path.is_dir() and not (path / "__init__.py").exists()


def handles_in(path: Path) -> list[PluginHandle]:
    """Handles for the plugins of a file or package, or of all of them in a folder.

    Raises:
        LoadError: When a single file cannot be imported or holds no plugin.
    """
    if is_folder(path):
        entries = [entry for entry in sorted(path.iterdir()) if entry.name[0] not in "._"]
        files = [entry / "__init__.py" if entry.is_dir() else entry for entry in entries]
        return [
            handle
            for file in files
            if file.suffix == ".py" and file.exists()
            for handle in _in_file_or_broken(file)
        ]
    file = path / "__init__.py" if path.is_dir() else path
    if not file.exists():
        raise LoadError(_id_from(file), f"{path}: there is no such file or folder")
    return _in_file(file)


def _in_file_or_broken(file: Path) -> list[PluginHandle]:
    try:
        return _in_file(file)
    except LoadError as error:
        source = ObjectSource(error.plugin_id, None)
        broken = PluginHandle(PluginMetadata(error.plugin_id), str(file), source)
        broken.state, broken.reason = PluginState.BROKEN, str(error)
        return [broken]


def _in_file(path: Path) -> list[PluginHandle]:
    module: list[FileModule] = []
    error = loading(lambda: module.append(FileModule(path)))
    if error is not None:
        if isinstance(error, StError):
            raise error
        raise LoadError(_id_from(path), f"{path}: {type(error).__name__}: {error}") from error
    file = module[0]
    classes = file.plugin_classes()
    if not classes:
        file.hold()
        file.let_go()
        raise LoadError(
            _id_from(path), f"{path} defines no plugin: no class in it has an on_load method"
        )
    return [_handle(file, cls, is_only=len(classes) == 1) for cls in classes]


def _handle(file: FileModule, cls: type[Any], *, is_only: bool) -> PluginHandle:
    metadata = getattr(cls, "metadata", None)
    if not isinstance(metadata, PluginMetadata):
        plugin_id = _id_from(file.path) if is_only else _sanitized(cls.__name__)
        summary = (cls.__doc__ or "").strip().partition("\n")[0]
        metadata = PluginMetadata(plugin_id, summary=summary)
    return PluginHandle(metadata, str(file.path), PathSource(file, cls.__name__))


def _module_stem(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem


def _id_from(path: Path) -> str:
    return _sanitized(_module_stem(path))


def _sanitized(name: str) -> str:
    kept = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")
    return kept if kept[:1].isalpha() else f"plugin-{kept}"


def file_of(handle: PluginHandle, path: Path) -> bool:
    """Whether a plugin comes from a file, or from the package the file belongs to."""
    if not isinstance(handle.source, PathSource):
        return False
    own = handle.source.file.path
    return path == own or (own.name == "__init__.py" and own.parent in path.parents)
