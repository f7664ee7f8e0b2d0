from collections.abc import Iterator
from typing import Any

import pytest

from st.core import Registry
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.experiment.json_schema import experiment_schema
from st.nn.metadata import ModuleCategory, ModuleMetadata


@pytest.fixture
def modules(registry: Registry) -> ModuleDiscoveryRegistry:
    return registry.get_service(MODULE_REGISTRY)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/$defs/")
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _named(alternatives: list[dict[str, Any]]) -> set[str]:
    return {alternative["properties"]["type"]["const"] for alternative in alternatives}


def test_every_module_is_one_alternative(
    registry: Registry, modules: ModuleDiscoveryRegistry
) -> None:
    schema = experiment_schema(registry)

    definitions = schema["$defs"]
    parts = [definitions[name] for name in _references(definitions["module"])]
    others = [schema["properties"][key]["anyOf"] for key in ("loss", "optimizer", "schedule")]
    names, *metrics = schema["properties"]["metrics"]["items"]["anyOf"]
    named = [_named(alternatives) for alternatives in (parts, *others, metrics)]
    assert set(names["enum"]) == _named(metrics) - {"top_k_accuracy"}  # which needs its k
    assert set().union(*named) == set(modules.list_modules())
    assert sum(map(len, named)) == len(modules.list_modules())


def test_every_reference_is_defined(registry: Registry) -> None:
    schema = experiment_schema(registry)

    assert set(_references(schema)) == set(schema["$defs"])


def test_ranges_defaults_and_descriptions_come_from_the_class(registry: Registry) -> None:
    schema = experiment_schema(registry)

    linear = schema["$defs"]["module linear"]
    assert linear["required"] == ["type", "out_features"]
    assert linear["additionalProperties"] is False
    assert linear["properties"]["out_features"] == {
        "type": "integer",
        "minimum": 1,
        "description": "Numbers that come out.",
    }
    assert linear["properties"]["bias"]["default"] is True
    assert set(linear["properties"]) >= {"name", "inputs"}
    assert schema["required"] == ["seed", "epochs", "optimizer", "model", "data"]


def test_modules_nest(registry: Registry) -> None:
    inner = experiment_schema(registry)["$defs"]["module residual"]["properties"]["modules"]

    assert (inner["items"], inner["minItems"]) == ({"$ref": "#/$defs/module"}, 1)


def test_plain_function_is_described_by_its_parameters(
    registry: Registry, modules: ModuleDiscoveryRegistry
) -> None:
    metadata = ModuleMetadata("mine", parameters={"by": "how much"})
    modules.register(metadata, lambda config: None)

    made = experiment_schema(registry)["$defs"]["module mine"]

    assert made["properties"]["by"] == {"description": "how much"}
    assert made["additionalProperties"] is False


def test_module_that_cannot_be_imported_is_known_by_its_name(
    registry: Registry, modules: ModuleDiscoveryRegistry
) -> None:
    gone = ModuleMetadata("gone", category=ModuleCategory.LAYER, target="no_such_module:Gone")
    modules.register(gone, lambda config: None)

    made = experiment_schema(registry)["$defs"]["module gone"]

    assert (made["required"], made["$comment"].count("no_such_module")) == (["type"], 1)
