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

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from html import escape
from typing import Any, Self

import msgspec

from st.core.backend import spec
from st.nn.discovery import ModuleDiscoveryRegistry
from st.nn.faults import DescriptionError, Fault
from st.nn.linking import link_faults
from st.nn.model import Model
from st.nn.modules import Module, Named
from st.nn.modules.chain import steps
from st.nn.shapes import ShapeFault, check_shapes
from st.nn.summary import layer_rows as layer_rows
from st.nn.summary import shown_shape as shown_shape
from st.nn.summary import summary_html, summary_text
from st.nn.toml_text import to_toml


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

    def add_module(
        self,
        module_type: str,
        config: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        inputs: Sequence[str] = (),
    ) -> Self:
        """Append a module by name, made from plain values; see `add` for `name` and `inputs`."""
        link = _link(name, inputs)
        return self.add_entry({"type": module_type, **(config or {}), **link})

    def add_entry(self, entry: Mapping[str, Any]) -> Self:
        """Append a module as files describe it: ``type``, its name, and the values of its fields.

        Raises:
            LoadError: The module's own code fails.
        """
        module, faults = self._discovery.make(entry, ("model", len(self._parts)))
        self._parts.append(_Part(dict(entry), module, faults))
        return self

    def add(self, module: Module, *, name: str = "", inputs: Sequence[str] = ()) -> Self:
        """Append a module object. Its class need not be registered, unless it is to be saved.

        Args:
            module: What is appended.
            name: By which later modules ask for its output, and its step in parameter names.
            inputs: Names of earlier modules, or ``input``, that feed it instead of the last one.
        """
        if name or inputs:
            module = Named(module=module, name=name, inputs=tuple(inputs))
        self._parts.append(_Part(self._discovery.describe(module), module))
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
        links = link_faults([part.entry for part in self._parts], ("model",))
        faults += links
        faults += self._clashes({fault.path[1] for fault in links})
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
            for name in types_named(part.entry):
                self._discovery.activate(name)
        return model

    def outline(self) -> Model:
        """Return the model to look at: like `build`, but no plugin is loaded for it.

        Raises:
            DescriptionError: `check` finds faults.
        """
        faults = self.check()
        if faults:
            raise DescriptionError(self._source, faults)
        modules = [part.module for part in self._parts if part.module is not None]
        return Model(steps(modules), spec(self._input or (), "float32"), name=self._name)

    def summary(self) -> str:
        """Return a table of the modules: the shapes they give, parameters, operations, memory.

        Operations and memory are those of one example on its way forward; ``b`` is the batch.

        Raises:
            DescriptionError: `check` finds faults.
        """
        return summary_text(self.outline())

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the summary, or the faults as long as there are some."""
        faults = self.check()
        if faults:
            return f"<pre>{escape(str(DescriptionError(self._source, faults)))}</pre>"
        return summary_html(self.outline())

    def to_config(self) -> dict[str, Any]:
        """Return the description as plain values that `from_config` takes."""
        return {
            "name": self._name,
            "input": list(self._input or ()),
            "model": [dict(part.entry) for part in self._parts],
        }

    def to_toml(self) -> str:
        """Return the description as TOML, its model as experiment files have it.

        Raises:
            TypeError: A field holds None where that is not its default; TOML cannot say so.
        """
        return to_toml(self.to_config())

    def to_json(self) -> str:
        """Return the description as JSON."""
        return json.dumps(self.to_config(), ensure_ascii=False)

    @classmethod
    def from_toml(cls, text: str, discovery: ModuleDiscoveryRegistry) -> ModulePipelineBuilder:
        """Return a builder for what `to_toml` gave.

        Raises:
            DescriptionError: `text` is no TOML, or not of that form.
        """
        return cls.from_config(_parsed(tomllib.loads, text), discovery)

    @classmethod
    def from_json(cls, text: str, discovery: ModuleDiscoveryRegistry) -> ModulePipelineBuilder:
        """Return a builder for what `to_json` gave.

        Raises:
            DescriptionError: `text` is no JSON, or not of that form.
        """
        return cls.from_config(_parsed(json.loads, text), discovery)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], discovery: ModuleDiscoveryRegistry
    ) -> ModulePipelineBuilder:
        """Return a builder for what `to_config` gave, with the modules of `discovery`.

        Raises:
            DescriptionError: `config` is not of that form.
        """
        try:
            form = msgspec.convert(config, _Form)
        except msgspec.ValidationError as error:
            fault = Fault((), "name, input and model as to_config gives them", str(error))
            raise DescriptionError("pipeline", [fault]) from None
        builder = cls(discovery).with_name(form.name).input(*form.input)
        for entry in form.model:
            builder.add_entry(entry)
        return builder

    def _clashes(self, unlinked: Set[str | int]) -> list[Fault]:
        """Follow the shapes through the whole pipeline; what feeds `unlinked` is not known."""
        steps = [
            (
                name if isinstance(name := part.entry.get("name"), str) else str(number),
                None if number in unlinked else part.module,
            )
            for number, part in enumerate(self._parts)
        ]
        known = None if self._input is None else spec(self._input, "float32")
        return [
            Fault(("model", *clash.place), *_expected_and_given(clash))
            for clash in check_shapes(steps, known)
        ]

    def __eq__(self, other: object) -> bool:
        """Whether both describe the same: name, input, and modules with names and nesting."""
        if not isinstance(other, ModulePipelineBuilder):
            return NotImplemented
        return self._described() == other._described()

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def _source(self) -> str:
        return f"pipeline {self._name!r}"

    def _described(self) -> tuple[Any, ...]:
        modules = [part.entry if part.module is None else part.module for part in self._parts]
        return self._name, self._input or (), modules


class _Form(msgspec.Struct):
    """What `ModulePipelineBuilder.to_config` gives."""

    name: str
    input: list[int]
    model: list[dict[str, Any]]


def _link(name: str, inputs: Sequence[str]) -> dict[str, Any]:
    link: dict[str, Any] = {"name": name} if name else {}
    return link | {"inputs": list(inputs)} if inputs else link


def types_named(described: Any) -> Iterator[str]:
    """Give the types that a description names, those of modules inside modules as well."""
    if isinstance(described, Mapping):
        if isinstance(described.get("type"), str):
            yield described["type"]
        described = list(described.values())
    if isinstance(described, list | tuple):
        for item in described:
            yield from types_named(item)


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        raise DescriptionError("pipeline", [Fault((), "a description", str(error))]) from None


def _expected_and_given(clash: ShapeFault) -> tuple[str, str]:
    if clash.expected is None:
        return "an input it can take", f"{shown_shape(clash.given)}: {clash.message}"
    return f"an input of shape {shown_shape(clash.expected)}", shown_shape(clash.given)


def _place(fault: Fault) -> int:
    """Where in the pipeline a fault belongs; those of the whole pipeline come last."""
    index = fault.path[1] if len(fault.path) > 1 else None
    return index if isinstance(index, int) else 1 << 30
