"""Modules by name: who offers them, what they are, and making them from plain values.

>>> from st.nn.discovery import ModuleDiscoveryRegistry, ModuleMetadata
>>> registry = ModuleDiscoveryRegistry()
>>> undo = registry.register(ModuleMetadata("twice"), lambda config: "a module")
>>> registry.create("twice")
'a module'
>>> undo()
>>> registry.list_modules()
()
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TypeAlias

import msgspec

from st.core import Event, Registry, ServiceKey
from st.core.nearest import nearest
from st.nn.faults import DescriptionError, Fault, Path, shown
from st.nn.fields import Field, convert_fields, fields_of
from st.nn.index import ModuleIndex
from st.nn.linking import RESERVED
from st.nn.metadata import DuplicateModuleError, ModuleMetadata, UnknownModuleError
from st.nn.modules import Module, Named, module_type
from st.nn.offers import ModuleRegistered as ModuleRegistered
from st.nn.offers import ModuleReplaced as ModuleReplaced
from st.nn.offers import call_foreign

_MAX_DEPTH = 32

Factory: TypeAlias = Callable[[Mapping[str, Any]], Any] | type[msgspec.Struct]
"""What makes a module: a struct class, whose fields are the schema, or a function of the values."""

_Offer: TypeAlias = tuple[ModuleMetadata, Factory]


class ModuleDiscoveryRegistry(ModuleIndex):
    """Every module that can be named: those in the manifests of plugins, and registered ones.

    Manifests are read, never code, until a module is created or its fields are asked for. Safe to
    call from any thread; no lock is held while a factory or a listener runs, so both may call back.
    """

    def __init__(self, registry: Registry | None = None) -> None:
        """Look for contributed modules in `registry`; without one, know only registered ones."""
        super().__init__(registry)
        self._registered: dict[str, tuple[_Offer, ...]] = {}
        self._lock = Lock()

    def register(
        self, metadata: ModuleMetadata, factory: Factory, *, replace: str = ""
    ) -> Callable[[], None]:
        """Offer a module under ``metadata.module_type``; publishes `ModuleRegistered`.

        Args:
            metadata: What it is. Its `parameters` are the schema of a plain function.
            factory: A struct class, or a function of the configuration.
            replace: The name itself, where it is taken and shall stand for this module from now
                on; publishes `ModuleReplaced`. Descriptions then get this module.

        Returns:
            A function that takes the module away again, and does nothing the second time. What
            it replaced is there again.

        Raises:
            DuplicateModuleError: The name is taken, and `replace` does not say it.
        """
        name = metadata.module_type
        offer = (metadata, factory)
        with self._lock:
            taken = self._all().get(name)
            if taken is not None and replace != name:
                raise DuplicateModuleError(
                    f"module {name!r} is already offered by {_owner(taken)}; "
                    f"choose another name, or register it with replace={name!r}"
                )
            self._registered[name] = (*self._registered.get(name, ()), offer)
        self._publish(ModuleRegistered(name, metadata.plugin_id))
        if taken is not None:
            self._publish(ModuleReplaced(name, metadata.plugin_id, taken.plugin_id))

        def undo() -> None:
            with self._lock:
                offers = self._registered.get(name, ())
                if offer in offers:
                    self._keep(name, tuple(kept for kept in offers if kept is not offer))
            if offers and offers[-1] is offer and (now := self._all().get(name)) is not None:
                self._publish(ModuleReplaced(name, now.plugin_id, metadata.plugin_id))

        return undo

    def unregister(self, module_type: str) -> None:
        """Take back what `register` added last under this name.

        Raises:
            UnknownModuleError: Nothing was registered under this name.
        """
        with self._lock:
            if module_type not in self._registered:
                raise UnknownModuleError(f"module {module_type!r} was not registered here")
            self._keep(module_type, self._registered[module_type][:-1])

    def create(self, module_type: str, config: Mapping[str, Any] | None = None) -> Any:
        """Make a module from plain values, loading the plugin that contributes it.

        Raises:
            UnknownModuleError: Nobody offers it; the message names the nearest name, and the
                command that installs it where it is known.
            DescriptionError: The values do not fit the module's fields; all faults are told.
            LoadError: The plugin or the factory failed.
        """
        self.activate(module_type)
        module, faults = self.check(module_type, config or {})
        if faults:
            raise DescriptionError(f"module {module_type!r}", faults)
        return module

    def activate(self, module_type: str) -> None:
        """Load the plugin that contributes a module, so that its operators are there as well.

        A module that was registered, or that nobody knows, needs no plugin.

        Raises:
            PluginError: The plugin cannot be loaded.
        """
        metadata = self._all().get(module_type)
        if metadata is not None and metadata.target and self._registry is not None:
            self._registry.load(metadata.plugin_id)

    def check(
        self, module_type: str, config: Mapping[str, Any], path: Path = ()
    ) -> tuple[Any, tuple[Fault, ...]]:
        """Make a module, or tell every fault of `config`.

        Its plugin is not loaded, unless the manifest says that the module needs it.

        Args:
            module_type: A known name.
            config: Values by field.
            path: Where `config` stands in the whole description.

        Returns:
            The module and no faults, or None and at least one.

        Raises:
            UnknownModuleError: Nobody offers it.
            LoadError: The module's code cannot be imported, or its factory failed.
        """
        metadata, factory = self._find(module_type)
        if metadata.needs_plugin:
            self.activate(module_type)
        if isinstance(factory, type):
            return convert_fields(factory, config, path, self.make)
        if metadata.parameters:
            faults = tuple(
                Fault(
                    (*path, name),
                    f"a parameter of {module_type!r}: {', '.join(metadata.parameters)}",
                    shown(name),
                    nearest(name, metadata.parameters) or "",
                )
                for name in config
                if name not in metadata.parameters
            )
            if faults:
                return None, faults
        what = f"factory of module {module_type!r}"
        return call_foreign(what, metadata.plugin_id, lambda: factory(config)), ()

    def make(self, entry: Any, path: Path = ()) -> tuple[Module | None, tuple[Fault, ...]]:
        """Make a module of a pipeline from its entry in a description, or tell what is wrong.

        Args:
            entry: ``type``, perhaps ``name`` and ``inputs``, and the values of the fields.
            path: Where the entry stands in the whole description.

        Raises:
            LoadError: The module's own code fails.
        """
        if not isinstance(entry, Mapping):
            return None, (Fault(path, "a module, a table", shown(entry)),)
        if path.count("modules") > _MAX_DEPTH:
            expected = f"at most {_MAX_DEPTH} modules inside one another"
            return None, (Fault(path, expected, "more"),)
        name = entry.get("type")
        here = (*path, "type")
        if not isinstance(name, str):
            given = "nothing" if name is None else shown(name)
            return None, (Fault(here, "the name of a module", given),)
        try:
            metadata = self.get_metadata(name)
        except UnknownModuleError:
            return None, (self.unknown(name, here),)
        if not metadata.category.is_part_of_a_pipeline:
            given = f"{shown(name)}, which is of category {metadata.category}"
            return None, (Fault(here, "a module for tensors", given),)
        values = {key: value for key, value in entry.items() if key not in RESERVED}
        module, faults = self.check(name, values, path)
        if faults:
            return None, faults
        if not isinstance(module, Module):
            given = f"{shown(name)}, which makes a {type(module).__name__}"
            return None, (Fault(here, "a module for tensors", given),)
        if "name" in entry or "inputs" in entry:
            inputs = entry.get("inputs", ())
            inputs = tuple(map(str, inputs)) if isinstance(inputs, list | tuple) else ()
            return Named(module=module, name=str(entry.get("name", "")), inputs=inputs), ()
        return module, ()

    def describe(self, module: Module) -> dict[str, Any]:
        """Return the entry from which `make` makes `module`; the inverse of it.

        What is nothing unless given is left out. A class that nobody offers is called after its
        own name.
        """
        if isinstance(module, Named):
            link: dict[str, Any] = {"name": module.name} if module.name else {}
            link |= {"inputs": list(module.inputs)} if module.inputs else {}
            return self.describe(module.module) | link
        entry = {"type": self.name_of(module) or module_type(module)}
        for field in msgspec.structs.fields(module):
            value = getattr(module, field.name)
            if value is not None or field.default is not None:
                entry[field.encode_name] = self._plain(value)
        return entry

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Module):
            return self.describe(value)
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        return msgspec.to_builtins(value)

    def schema_of(self, module_type: str) -> type[msgspec.Struct] | None:
        """Return the class whose fields are the schema of a module, None for a plain function.

        Imports its code.

        Raises:
            UnknownModuleError: Nobody offers it.
            LoadError: The module's code cannot be imported.
        """
        factory = self._find(module_type)[1]
        return factory if isinstance(factory, type) else None

    def fields(self, module_type: str) -> tuple[Field, ...]:
        """Return what a description may say about a module; imports its code.

        Raises:
            UnknownModuleError: Nobody offers it.
            LoadError: The module's code cannot be imported.
        """
        metadata, factory = self._find(module_type)
        if isinstance(factory, type):
            return fields_of(factory)
        return tuple(
            Field(name, summary, is_required=False, default=None, summary="")
            for name, summary in metadata.parameters.items()
        )

    def name_of(self, module: object) -> str | None:
        """Return the name under which the class of `module` is offered, or None. Imports nothing.

        A function's modules have no such name: nothing tells which function made them.
        """
        of = type(module)
        for metadata in self._all().values():
            # A manifest may name a package that passes on a class from one of its modules.
            package, _, name = metadata.target.partition(":")
            if getattr(sys.modules.get(package), name, None) is of:
                return metadata.module_type
        for name, offers in self._registered.copy().items():
            if offers[-1][1] is of:
                return name
        return None

    def _all(self) -> dict[str, ModuleMetadata]:
        registered = {name: offers[-1][0] for name, offers in self._registered.copy().items()}
        return super()._all() | registered

    def _keep(self, name: str, offers: tuple[_Offer, ...]) -> None:
        if offers:
            self._registered[name] = offers
        else:
            del self._registered[name]

    def _publish(self, event: Event) -> None:
        if self._registry is not None:
            self._registry.bus.publish(event)

    def _find(self, module_type: str) -> tuple[ModuleMetadata, Factory]:
        metadata = self.get_metadata(module_type)
        if not metadata.target:
            return self._registered[module_type][-1]
        module_name, _, class_name = metadata.target.partition(":")
        return metadata, call_foreign(
            f"code of module {module_type!r}",
            metadata.plugin_id,
            lambda: getattr(importlib.import_module(module_name), class_name),
        )


def _owner(metadata: ModuleMetadata) -> str:
    return metadata.plugin_id or "this program"


MODULE_REGISTRY: ServiceKey[ModuleDiscoveryRegistry] = ServiceKey("module_registry")
"""The service under which the plugin ``nn`` offers the registry of modules."""
