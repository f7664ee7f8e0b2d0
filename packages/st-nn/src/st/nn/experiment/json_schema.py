"""The grammar of experiment files as JSON Schema, with which editors complete and check them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import Any

import msgspec

from st.core import LoadError, PluginError, Registry
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.experiment.schema import (
    DEFAULT_LOSS,
    CheckpointOptions,
    Experiment,
    StoppingOptions,
)
from st.nn.experiment.sources import source_class, source_names
from st.nn.faults import printable
from st.nn.metadata import ModuleCategory, ModuleMetadata
from st.nn.modules import Module

Schema = dict[str, Any]

_LINK: Mapping[str, Schema] = {
    "name": {
        "type": "string",
        "pattern": "^[A-Za-z][A-Za-z0-9_]{0,59}$",
        "description": "Names the module in its list, and its parameters.",
    },
    "inputs": {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "description": "Names of modules before it, or input, that feed it instead of the last.",
    },
}


def experiment_schema(registry: Registry) -> Schema:
    """Return the JSON Schema (2020-12) of an experiment file.

    Every module, loss, optimizer, schedule, metric and source of data that the plugins of
    `registry` offer is one alternative: its fields, types, ranges, defaults and descriptions come
    from its class. The code of all of them is imported, and plugins with sources are loaded; what
    cannot be is known by its name alone.
    """
    discovery = registry.get_service(MODULE_REGISTRY)
    known = [discovery.get_metadata(name) for name in discovery.list_modules()]
    parts = [metadata for metadata in known if metadata.category.is_part_of_a_pipeline]
    definitions: dict[str, Schema] = {}
    schema = _own(Experiment, definitions)
    schema["required"].remove("name")  # without it the name of the file is taken
    schema["properties"] |= {
        "model": {
            "description": schema["properties"]["model"]["description"],
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/module"},
        },
        "loss": {
            "anyOf": _alternatives(known, ModuleCategory.LOSS, discovery, definitions),
            "default": dict(DEFAULT_LOSS),
        },
        "optimizer": {
            "anyOf": _alternatives(known, ModuleCategory.OPTIMIZER, discovery, definitions)
        },
        "schedule": {
            "anyOf": _alternatives(known, ModuleCategory.SCHEDULE, discovery, definitions)
        },
        "metrics": {
            "description": schema["properties"]["metrics"]["description"],
            "type": "array",
            "items": {"anyOf": _metrics(known, discovery, definitions)},
        },
        "data": {
            "anyOf": [_source(name, registry, definitions) for name in source_names(registry)]
        },
        "checkpoint": _own(CheckpointOptions, definitions),
        "early_stopping": _own(StoppingOptions, definitions),
    }
    for metadata in parts:
        made = _module(metadata, discovery, definitions)
        made["properties"] |= _LINK
        definitions[f"module {metadata.module_type}"] = made
    names = [f"module {metadata.module_type}" for metadata in parts]
    definitions["module"] = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "$defs": definitions,
    }


def _alternatives(
    known: Sequence[ModuleMetadata],
    category: ModuleCategory,
    discovery: ModuleDiscoveryRegistry,
    definitions: dict[str, Schema],
) -> list[Schema]:
    return [_module(m, discovery, definitions) for m in known if m.category is category]


def _metrics(
    known: Sequence[ModuleMetadata],
    discovery: ModuleDiscoveryRegistry,
    definitions: dict[str, Schema],
) -> list[Schema]:
    """Return what an entry of ``metrics`` may be: a name where that says all, or a table."""
    tables = _alternatives(known, ModuleCategory.METRIC, discovery, definitions)
    for table in tables:
        table["properties"] |= {"name": {"type": "string", "description": "Names the figure."}}
    alone = [t["properties"]["type"]["const"] for t in tables if t["required"] == ["type"]]
    return [{"enum": alone}, *tables]


def _module(
    metadata: ModuleMetadata, discovery: ModuleDiscoveryRegistry, definitions: dict[str, Schema]
) -> Schema:
    """Return the schema of an entry that names this module."""
    try:
        of = discovery.schema_of(metadata.module_type)
        made = _own(of, definitions) if of else _plain(metadata.parameters)
    except (LoadError, TypeError) as error:
        made = _nameless(error)
    made["title"] = metadata.module_type
    made["description"] = metadata.description or made.get("description", "")
    made["properties"] = {"type": {"const": metadata.module_type}, **made["properties"]}
    made["required"] = ["type", *made.get("required", ())]
    return made


def _plain(parameters: Mapping[str, str]) -> Schema:
    properties = {name: {"description": meaning} for name, meaning in parameters.items()}
    return {"type": "object", "properties": properties, "additionalProperties": not parameters}


def _source(kind: str, registry: Registry, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of the table ``[data]`` that names this source."""
    try:
        made = _own(source_class(registry, kind), definitions)
    except (PluginError, TypeError) as error:
        made = _nameless(error)
    made["properties"] |= {"source": {"const": kind}}
    made["required"] = ["source", *made.get("required", ())]
    return made


def _nameless(error: Exception) -> Schema:
    """Return the schema of what cannot be described, since its code fails; others can be."""
    return {"type": "object", "properties": {}, "$comment": printable(str(error))}


def _own(of: type[msgspec.Struct], definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a class, and note what it refers to in `definitions`."""
    template = "#/$defs/{name}"
    (reference, module), found = msgspec.json.schema_components([of, Module], ref_template=template)
    own = found.pop(reference["$ref"].rpartition("/")[2])
    found.pop(module["$ref"].rpartition("/")[2], None)
    # A field that holds modules may hold any of those that can be named.
    text = msgspec.json.encode([own, found]).replace(
        f'"{module["$ref"]}"'.encode(), b'"#/$defs/module"'
    )
    made: Schema
    made, others = msgspec.json.decode(text)
    definitions.update(others)
    if "description" in made:
        made["description"] = cleandoc(made["description"])
    return made
