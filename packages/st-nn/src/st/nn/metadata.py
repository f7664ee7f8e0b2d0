"""What is known about a module without importing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from st.core import StError


class UnknownModuleError(StError, LookupError):
    """No module of that name is offered."""


class DuplicateModuleError(StError, ValueError):
    """A module of that name is already offered."""


class ModuleCategory(StrEnum):
    """What kind of thing a module is."""

    LAYER = "Layer"
    LOSS = "Loss"
    OPTIMIZER = "Optimizer"
    SCHEDULE = "Schedule"
    METRIC = "Metric"
    ACTIVATION = "Activation"
    NORMALIZATION = "Normalization"
    ATTENTION = "Attention"
    CONVOLUTION = "Convolution"
    POOLING = "Pooling"
    EMBEDDING = "Embedding"
    ENCODER = "Encoder"
    DECODER = "Decoder"
    CUSTOM = "Custom"

    @property
    def is_part_of_a_pipeline(self) -> bool:
        """Whether such a module maps a tensor to a tensor; what judges and what steps do not."""
        return self not in _BESIDE_A_PIPELINE


_BESIDE_A_PIPELINE = (
    ModuleCategory.LOSS,
    ModuleCategory.OPTIMIZER,
    ModuleCategory.SCHEDULE,
    ModuleCategory.METRIC,
)


@dataclass(frozen=True, slots=True)
class Example:
    """How a description may use a module, and what that gives; `st.nn.examples` runs it.

    Attributes:
        config: The values of its fields.
        input: The shape of one example that enters, for a module of a pipeline.
        output: The shape that comes out.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    input: tuple[int, ...] = ()
    output: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleMetadata:
    """The description of a module.

    Attributes:
        module_type: The name by which a description asks for it.
        display_name: The name for people; `module_type` where it is empty.
        description: One sentence.
        category: What kind of thing it is.
        input_shape: The shape it takes without the batch axis, or None for any.
        output_shape: The shape it gives without the batch axis, or None where it depends.
        parameters: Name → meaning of what a plain function accepts; a class has fields instead.
        version: The version of its schema.
        examples: How a description may use it.
        needs_plugin: Whether its plugin has to be loaded before the module is checked, since
            `forward` uses what loading adds, such as an operator.
        plugin_id: The plugin that offers it, or empty.
        distribution: The distribution that plugin came in, or empty.
        target: ``package.module:Class`` from the manifest, or empty for a registered one.
    """

    module_type: str
    display_name: str = ""
    description: str = ""
    category: ModuleCategory = ModuleCategory.CUSTOM
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    examples: tuple[Example, ...] = ()
    needs_plugin: bool = False
    plugin_id: str = ""
    distribution: str = ""
    target: str = ""

    def __post_init__(self) -> None:
        if not self.module_type.strip() or not self.module_type.isprintable():
            raise UnknownModuleError(f"a module needs a printable name, given {self.module_type!r}")

    @property
    def searched_text(self) -> str:
        """What `ModuleDiscoveryRegistry.search` looks in, without upper case."""
        words = (self.module_type, self.display_name, self.description, self.category)
        return " ".join(words).casefold()


def metadata_from_manifest(
    name: str, entry: Mapping[str, Any], plugin_id: str, distribution: str
) -> ModuleMetadata:
    """Return what the manifest of a plugin says about one module.

    A category nobody knows is `ModuleCategory.CUSTOM`: a newer plugin is no reason to fail.
    """
    category = str(entry.get("category", ""))
    is_known = category in ModuleCategory.__members__.values()
    return ModuleMetadata(
        module_type=name,
        display_name=str(entry.get("display_name", "")),
        description=str(entry.get("description", "")),
        category=ModuleCategory(category) if is_known else ModuleCategory.CUSTOM,
        input_shape=_shape(entry.get("input_shape")),
        output_shape=_shape(entry.get("output_shape")),
        version=entry["version"] if isinstance(entry.get("version"), int) else 1,
        examples=_examples(entry.get("examples")),
        needs_plugin=entry.get("needs_plugin") is True,
        plugin_id=plugin_id,
        distribution=distribution,
        target=str(entry.get("class", "")),
    )


def _shape(entry: Any) -> tuple[int, ...] | None:
    """Return a shape of a manifest; None where there is none, or no list of whole numbers."""
    if isinstance(entry, list) and all(isinstance(n, int) for n in entry):
        return tuple(entry)
    return None


def _examples(entry: Any) -> tuple[Example, ...]:
    """Return the examples of a manifest; one of another form is left out."""
    found = []
    for table in entry if isinstance(entry, list) else ():
        if isinstance(table, Mapping) and isinstance(config := table.get("config", {}), Mapping):
            shapes = (table.get("input", []), table.get("output", []))
            if all(isinstance(n, int) for shape in shapes for n in shape):
                found.append(Example(config, *map(tuple, shapes)))
    return tuple(found)
