"""A model put together from modules: described, checked as a whole, then built.

>>> from st.nn.modules import Linear, Relu
>>> from st.nn.pipeline import ModulePipelineBuilder
>>> builder = ModulePipelineBuilder().input(4).add(Linear(out_features=3)).add(Relu())
>>> builder.check()
()
>>> builder.build().layers[0].n_parameters
15
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from st.core.backend import Spec, spec
from st.nn.discovery import ModuleDiscoveryRegistry
from st.nn.faults import DescriptionError, Fault, shown
from st.nn.metadata import UnknownModuleError
from st.nn.model import N_TRIAL, Model, ShapeFault, check_shapes
from st.nn.modules import Module, module_type


@dataclass(frozen=True, slots=True)
class _Part:
    """One step of the pipeline: how it was described, and the module or why there is none."""

    entry: Mapping[str, Any]
    module: Module | None
    faults: tuple[Fault, ...] = ()


class ModulePipelineBuilder:
    """Describes a model step by step; nothing is refused before `check` or `build`.

    Example:
        >>> ModulePipelineBuilder().with_name("empty").input(4).check()[0].expected
        'at least one module'
    """

    def __init__(self, discovery: ModuleDiscoveryRegistry | None = None) -> None:
        """Take modules by name from `discovery`; without one, only `add` knows any module."""
        self._discovery = discovery or ModuleDiscoveryRegistry()
        self._name = "model"
        self._input: tuple[int, ...] | None = None
        self._parts: list[_Part] = []

    def with_name(self, name: str) -> Self:
        """Name the model."""
        self._name = name
        return self

    def input(self, *shape: int) -> Self:
        """Say what one example looks like: its shape, without the batch axis; float32."""
        self._input = shape
        return self

    def add_module(self, module_type: str, config: Mapping[str, Any] | None = None) -> Self:
        """Append a module by name, made from plain values."""
        return self.add_entry({"type": module_type, **(config or {})})

    def add_entry(self, entry: Mapping[str, Any]) -> Self:
        """Append a module as files describe it: ``type``, its name, and the values of its fields.

        Raises:
            LoadError: The module's own code fails.
        """
        path = ("model", len(self._parts))
        module, faults = self._make(entry, path)
        self._parts.append(_Part(dict(entry), module, faults))
        return self

    def add(self, module: Module) -> Self:
        """Append a module object. Its class need not be registered, unless it is to be saved."""
        name = self._discovery.name_of(module) or module_type(module)
        self._parts.append(_Part({"type": name, **msgspec.to_builtins(module)}, module))
        return self

    def check(self) -> tuple[Fault, ...]:
        """Return everything wrong with the description: names, values, and sizes that clash.

        Shapes are followed through the whole pipeline, beyond a fault wherever a later module
        states what it takes. Nothing is allocated.
        """
        faults = [fault for part in self._parts for fault in part.faults]
        if not self._parts:
            faults.append(Fault(("model",), "at least one module", "none"))
        if self._input is None:
            faults.append(Fault(("input",), "the shape of one example", "nothing"))
        faults += self._clashes()
        return tuple(sorted(faults, key=_place))

    def build(self) -> Model:
        """Return the model: shapes known, no parameter allocated yet.

        The plugins that contribute its modules are loaded.

        Raises:
            DescriptionError: `check` finds faults; all of them are told.
            PluginError: A plugin that contributes a module cannot be loaded.
        """
        model = self.outline()
        for part in self._parts:
            self._discovery.activate(part.entry["type"])
        return model

    def outline(self) -> Model:
        """Return the model to look at: like `build`, but no plugin is loaded for it.

        Raises:
            DescriptionError: `check` finds faults.
        """
        faults = self.check()
        if faults:
            raise DescriptionError(f"pipeline {self._name!r}", faults)
        modules = [part.module for part in self._parts if part.module is not None]
        named = [(str(number), module) for number, module in enumerate(modules)]
        return Model(named, spec(self._input or (), "float32"), name=self._name)

    def summary(self) -> str:
        """Return a table of the modules, the shapes they give and their parameters.

        Raises:
            DescriptionError: `check` finds faults.
        """
        rows = [("#", "module", "output", "parameters"), *layer_rows(self.outline())]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def to_config(self) -> dict[str, Any]:
        """Return the description as plain values that `from_config` takes."""
        return {
            "name": self._name,
            "input": list(self._input or ()),
            "model": [dict(part.entry) for part in self._parts],
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], discovery: ModuleDiscoveryRegistry
    ) -> ModulePipelineBuilder:
        """Return a builder for what `to_config` gave, with the modules of `discovery`.

        Raises:
            DescriptionError: `config` is not of that form.
        """
        try:
            form = msgspec.convert(dict(config), _Form)
        except msgspec.ValidationError as error:
            fault = Fault((), "name, input and model as to_config gives them", str(error))
            raise DescriptionError("pipeline", [fault]) from None
        builder = cls(discovery).with_name(form.name).input(*form.input)
        for entry in form.model:
            builder.add_entry(entry)
        return builder

    def _make(
        self, entry: Mapping[str, Any], path: tuple[str, int]
    ) -> tuple[Module | None, tuple[Fault, ...]]:
        values = dict(entry)
        name = values.pop("type", None)
        if not isinstance(name, str):
            given = "nothing" if name is None else shown(name)
            return None, (Fault((*path, "type"), "the name of a module", given),)
        try:
            metadata = self._discovery.get_metadata(name)
        except UnknownModuleError:
            return None, (self._discovery.unknown(name, (*path, "type")),)
        if not metadata.category.is_part_of_a_pipeline:
            given = f"{shown(name)}, which is of category {metadata.category}"
            return None, (Fault((*path, "type"), "a module for tensors", given),)
        return self._discovery.check(name, values, path)

    def _clashes(self) -> list[Fault]:
        """Follow the shapes through every run of known modules, each from where they are known."""
        faults: list[Fault] = []
        known = None if self._input is None else spec(self._input, "float32")
        start = 0
        while start < len(self._parts):
            stop = start
            while stop < len(self._parts) and self._parts[stop].module is not None:
                stop += 1
            faults += self._clashes_between(start, stop, known)
            known = None
            start = stop + 1
        return faults

    def _clashes_between(self, start: int, stop: int, known: Spec | None) -> list[Fault]:
        """Check the modules from `start` to before `stop`, all known, the first given `known`."""
        modules = [part.module for part in self._parts[start:stop] if part.module is not None]
        while modules:
            if known is None:
                known = _stated_input(modules[0])
            if known is None:
                modules, start = modules[1:], start + 1
                continue
            found = check_shapes([(str(n), module) for n, module in enumerate(modules)], known)
            faults = [
                Fault(("model", start + clash.index), *_expected_and_given(clash))
                for clash in found
            ]
            # The check ends at a module that does not say what it would take.
            is_at_end = not found or found[-1].expected is not None
            rest = len(modules) if is_at_end else found[-1].index + 1
            return faults + self._clashes_between(start + rest, stop, None)
        return []


class _Form(msgspec.Struct):
    """What `ModulePipelineBuilder.to_config` gives."""

    name: str
    input: list[int]
    model: list[dict[str, Any]]


def shown_shape(shape: tuple[int, ...]) -> str:
    """Return a shape with its batch axis: ``(b,64)``."""
    return f"({','.join(['b', *map(str, shape)])})"


def layer_rows(model: Model) -> list[tuple[str, str, str, str]]:
    """Return number, module, output shape (``b`` is the batch) and parameter count, as text."""
    return [
        (
            str(number),
            layer.module_type,
            shown_shape(layer.output_shape),
            f"{layer.n_parameters:,}" if layer.n_parameters else "",
        )
        for number, layer in enumerate(model.layers, 1)
    ]


def _stated_input(module: Module) -> Spec | None:
    """Return what a module says it takes when nothing is known of what comes before it."""
    stated = module.accepts(spec((N_TRIAL, 1), "float32"))
    return None if stated is None else spec(stated.shape[1:], stated.dtype)


def _expected_and_given(clash: ShapeFault) -> tuple[str, str]:
    if clash.expected is None:
        return "an input it can take", f"{shown_shape(clash.given)}: {clash.message}"
    return f"an input of shape {shown_shape(clash.expected)}", shown_shape(clash.given)


def _place(fault: Fault) -> int:
    """Where in the pipeline a fault belongs; those of the whole pipeline come last."""
    index = fault.path[1] if len(fault.path) > 1 else None
    return index if isinstance(index, int) else 1 << 30
