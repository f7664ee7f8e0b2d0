"""``st modules``: what an experiment can name, read from manifests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from st.core import init_plugin_system
from st.nn.commands.options import json_option
from st.nn.commands.terminal import columns, print_json
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.faults import shown
from st.nn.fields import Field
from st.nn.metadata import ModuleMetadata


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
    with init_plugin_system() as registry:
        _print(registry.get_service(MODULE_REGISTRY).search(word), as_json)


@modules.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Describe the module NAME: what its fields are, and how a file names it."""
    with init_plugin_system() as registry:
        discovery = registry.get_service(MODULE_REGISTRY)
        metadata, fields = discovery.get_metadata(name), discovery.fields(name)
    if as_json:
        described = {field.name: _field_as_json(field) for field in fields}
        print_json({**_as_json(metadata), "fields": described})
        return
    click.echo(f"{metadata.module_type} · {metadata.category} · {_origin(metadata)}")
    click.echo(metadata.description)
    rows = [(field.name, field.expected, _default(field), field.summary) for field in fields]
    for line in columns([("field", "expected", "otherwise", ""), *rows]) if rows else ():
        click.echo(f"  {line}")
    click.echo(f"in a file: {_example(metadata, fields)}")


def _list_all(as_json: bool) -> None:
    with init_plugin_system() as registry:
        discovery = registry.get_service(MODULE_REGISTRY)
        known = [discovery.get_metadata(name) for name in discovery.list_modules()]
        _print(known, as_json)
        for line in _refusals(discovery):
            click.echo(line, err=True)


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


def _refusals(discovery: ModuleDiscoveryRegistry) -> Iterable[str]:
    for metadata in discovery.refused():
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
        "plugin": metadata.plugin_id,
        "distribution": metadata.distribution,
    }


def _field_as_json(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"expected": field.expected, "required": field.is_required}
    if not field.is_required:
        described["default"] = field.default
    return {**described, "description": field.summary}


def _default(field: Field) -> str:
    if field.is_required:
        return "required"
    return "nothing" if field.default is None else shown(field.default)


def _example(metadata: ModuleMetadata, fields: Iterable[Field]) -> str:
    required = [f"{field.name} = …" for field in fields if field.is_required]
    return f"{{ {', '.join([f'type = {shown(metadata.module_type)}', *required])} }}"
