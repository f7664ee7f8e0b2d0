"""Where a plugin's code comes from, and how to get a plugin out of it."""

from __future__ import annotations

from typing import Any, Protocol

from st.core.errors import LoadError


class Source(Protocol):
    """Makes a plugin. `make` may be called again for every time the plugin is loaded."""

    def make(self) -> Any:
        """A plugin, its code imported if that was still to do."""

    def renewed(self) -> Source:
        """The same plugin from the code as it is on disk now.

        Raises:
            LoadError: When there is no code to read again.
        """

    def release(self) -> frozenset[str]:
        """Let go of what was imported for this source alone; the names of modules dropped."""


class ObjectSource:
    """A plugin object somebody registered."""

    def __init__(self, plugin_id: str, plugin: object) -> None:
        self._plugin_id = plugin_id
        self._plugin = plugin

    def make(self) -> Any:
        """The object."""
        return self._plugin

    def renewed(self) -> Source:
        """Not possible: an object has no second version."""
        raise LoadError(
            self._plugin_id,
            f"{self._plugin_id} was registered as an object and cannot be made anew; "
            "register its class instead",
        )

    def release(self) -> frozenset[str]:
        """Nothing was imported."""
        return frozenset()


class ClassSource:
    """A plugin class, or any function that makes a plugin."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def make(self) -> Any:
        """A new object of the class."""
        return self._factory()

    def renewed(self) -> Source:
        """The same class: a reload restarts the plugin."""
        return self

    def release(self) -> frozenset[str]:
        """Nothing was imported."""
        return frozenset()


class EntryPointSource:
    """An installed plugin: `package.module:Class`, imported when it is first needed."""

    def __init__(self, plugin_id: str, target: str) -> None:
        self._plugin_id = plugin_id
        self.target = target

    def make(self) -> Any:
        """Import the target and call it.

        Raises:
            LoadError: When the target is not of the form or has no such attribute.
        """
        from importlib import import_module

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

    def renewed(self) -> Source:
        """The same entry point; whoever reloads imports its module anew."""
        return self

    def release(self) -> frozenset[str]:
        """Installed modules stay imported: others may use them."""
        return frozenset()
