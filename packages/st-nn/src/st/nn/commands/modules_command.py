"""``st modules``: what an experiment can name, read from manifests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from st.core import Registry, global_registry, init_plugin_system
from st.nn.commands.options import json_option
from st.nn.commands.text import columns, print_json
from st.nn.faults import shown
from st.nn.index import ModuleIndex
from st.nn.metadata import Example, ModuleMetadata
from st.nn.toml_text import to_toml

if TYPE_CHECKING:
    from st.nn.fields import Field


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def modules(ctx: click.Context, as_json: bool) -> None:
    """List, search and describe the modules an experiment can name."""
    if ctx.invoked_subcommand is None:
        _list_all(as_json)


@modules.command("list")
@json_option
def list_modules(as_json: bool) -> None:
    """List all modules; imports none of them."""
    _list_all(as_json)


@modules.command("search")
@click.argument("word")
@json_option
def search(word: str, as_json: bool) -> None:
    """List the modules whose name, description or category contains WORD."""
    with _manifests() as registry:
        _print(ModuleIndex(registry).search(word), as_json)


@modules.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Describe the module NAME: what its fields are, and how a file names it."""
    with _manifests() as registry:
        metadata = ModuleIndex(registry).get_metadata(name)
        fields = _fields(registry, name)
    if as_json:
        described = {field.name: _field_as_json(field) for field in fields}
        print_json({**_as_json(metadata), "fields": described})
        return
    version = f" · version {metadata.version}" if metadata.version != 1 else ""
    click.echo(f"{metadata.module_type} · {metadata.category} · {_origin(metadata)}{version}")
    click.echo(metadata.description)
    rows = [(field.name, _default(field), _meaning(field)) for field in fields]
    for line in columns([("field", "otherwise", "what it is"), *rows]) if rows else ():
        click.echo(f"  {line}")
    for line in [_shown(metadata, example) for example in metadata.examples] or [
        _template(metadata, fields)
    ]:
        click.echo(f"in a file: {line}")


@modules.command("schema")
def schema() -> None:
    """Print the JSON Schema of experiment files, for editors that complete and check them."""
    from st.nn.experiment.json_schema import experiment_schema

    with init_plugin_system() as registry:
        print_json(experiment_schema(registry))


def _list_all(as_json: bool) -> None:
    with _manifests() as registry:
        index = ModuleIndex(registry)
        _print([index.get_metadata(name) for name in index.list_modules()], as_json)
        for line in _refusals(index):
            click.echo(line, err=True)


def _manifests() -> Registry:
    """Return the process's registry with the manifests read; not even startup plugins load."""
    registry = global_registry()
    registry.discover()
    return registry


def _fields(registry: Registry, name: str) -> tuple[Field, ...]:
    """Return the fields of one module; its code is imported here, and with it NumPy."""
    from st.nn.discovery import ModuleDiscoveryRegistry

    return ModuleDiscoveryRegistry(registry).fields(name)


def _print(found: Iterable[ModuleMetadata], as_json: bool) -> None:
    found = tuple(found)
    if as_json:
        print_json([_as_json(metadata) for metadata in found])
    elif not found:
        click.echo("no module")
    else:
        rows = [
            (metadata.module_type, metadata.category, _origin(metadata), metadata.description)
            for metadata in found
        ]
        for line in columns([("module", "category", "plugin", "description"), *rows]):
            click.echo(line)


def _refusals(index: ModuleIndex) -> Iterable[str]:
    for metadata in index.refused():
        yield (
            f"not listed: {metadata.module_type!r} of {_origin(metadata)}, "
            "since another plugin offers that name"
        )


def _origin(metadata: ModuleMetadata) -> str:
    source = f" ({metadata.distribution})" if metadata.distribution else ""
    return f"{metadata.plugin_id or 'this program'}{source}"


def _as_json(metadata: ModuleMetadata) -> dict[str, Any]:
    return {
        "name": metadata.module_type,
        "category": str(metadata.category),
        "description": metadata.description,
        "version": metadata.version,
        "examples": [
            {
                "config": dict(example.config),
                "input": list(example.input),
                "output": list(example.output),
            }
            for example in metadata.examples
        ],
        "plugin": metadata.plugin_id,
        "distribution": metadata.distribution,
    }


def _field_as_json(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"expected": field.expected, "required": field.is_required}
    if not field.is_required:
        described["default"] = field.default
    return {**described, "description": field.summary}


def _meaning(field: Field) -> str:
    """Return what a field means and may be; the choices of some are longer than a column."""
    return f"{field.summary} ({field.expected})" if field.summary else field.expected


def _default(field: Field) -> str:
    if field.is_required:
        return "required"
    return "nothing" if field.default is None else shown(field.default)


def _shown(metadata: ModuleMetadata, example: Example) -> str:
    entry = {"type": metadata.module_type, **example.config}
    table = to_toml({"entry": entry}).removeprefix("entry = ")
    if not metadata.category.is_part_of_a_pipeline:
        return table
    from st.nn.summary import shown_shape

    return f"{table}   {shown_shape(example.input)} → {shown_shape(example.output)}"


def _template(metadata: ModuleMetadata, fields: Iterable[Field]) -> str:
    required = [f"{field.name} = …" for field in fields if field.is_required]
    return f"{{ {', '.join([f'type = {shown(metadata.module_type)}', *required])} }}"
