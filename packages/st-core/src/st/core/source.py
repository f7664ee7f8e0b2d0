"""Where a plugin's code comes from, and how to get a plugin out of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module, invalidate_caches
from types import ModuleType
from typing import Any, TypeAlias

from st.core.errors import LoadError

#: Undoes an import; gives the names of the modules it dropped.
Undo: TypeAlias = Callable[[], frozenset[str]]


class Source:
    """Makes a plugin. This one makes it of a class, or of any function that gives one."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def make(self) -> Any:
        """A plugin, its code imported if that was still to do; anew for every time it is loaded."""
        return self._factory()

    def renewed(self) -> tuple[Source, Undo]:
        """The same plugin from the code as it is on disk now, and what undoes importing it.

        Raises:
            LoadError: When there is no code to read again.
        """
        return self, frozenset

    def release(self) -> frozenset[str]:
        """Let go of what was imported for this source alone; the names of modules dropped."""
        return frozenset()


class ObjectSource(Source):
    """A plugin object somebody registered."""

    def __init__(self, plugin_id: str, plugin: object) -> None:
        super().__init__(lambda: plugin)
        self._plugin_id = plugin_id

    def renewed(self) -> tuple[Source, Undo]:
        """Not possible: an object has no second version."""
        raise LoadError(
            self._plugin_id,
            f"{self._plugin_id} was registered as an object and cannot be made anew; "
            "register its class instead",
        )


class EntryPointSource(Source):
    """An installed plugin: `package.module:Class`, imported when it is first needed."""

    def __init__(self, plugin_id: str, target: str) -> None:
        self._plugin_id = plugin_id
        self.target = target

    def make(self) -> Any:
        """Import the target and call it.

        Raises:
            LoadError: When the target is not of the form or has no such attribute.
        """
        module_name, _, path = self.target.partition(":")
        found: Any = import_module(module_name.strip())
        for name in path.strip().split("."):
            if not hasattr(found, name):
                raise LoadError(
                    self._plugin_id,
                    f"entry point {self.target!r}: {found!r} has no attribute {name!r}",
                )
            found = getattr(found, name)
        return found()

    def renewed(self) -> tuple[Source, Undo]:
        """The same entry point, its module and the modules below it imported anew.

        The modules around it stay as they are: what plugins share must not exist twice. Nor does
        `release` drop any: others may use them.
        """
        from importlib.util import cache_from_source

        module_name = self.target.partition(":")[0].strip()
        below = f"{module_name}."
        names = [name for name in sys.modules if name == module_name or name.startswith(below)]
        replaced = {name: sys.modules.pop(name) for name in names}
        for module in replaced.values():
            # A compiled file is taken for fresh when time and size agree, to the second.
            if module.__file__ is not None:
                with suppress(FileNotFoundError):
                    os.unlink(cache_from_source(module.__file__))
        invalidate_caches()
        try:
            import_module(module_name)
        except BaseException:
            _put_back(replaced)
            raise
        return self, lambda: _put_back(replaced)


def _put_back(replaced: dict[str, ModuleType]) -> frozenset[str]:
    """Have the modules there were before imported again."""
    for name, module in replaced.items():
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], child, module)
    return frozenset()
