"""The command `st plugins`: what is installed, read from manifests alone."""

from __future__ import annotations

from typing import Any

import click

from st.cli.output import print_json, print_table
from st.core import PluginHandle, PluginNotFoundError, Registry
from st.core.catalog import provider_of
from st.core.nearest import did_you_mean

COLUMNS = ("id", "version", "capabilities", "services", "state", "origin")


@click.command()
@click.argument("plugin_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def plugins(plugin_id: str | None, as_json: bool) -> None:
    """List the plugins that are installed, importing none of them.

    With an ID, explain that plugin: what it needs, who needs it, and why it is in its state.
    """
    registry = Registry()
    registry.discover()
    if plugin_id is None:
        show_all(registry, as_json)
    else:
        show_one(registry, plugin_id, as_json)


def show_all(registry: Registry, as_json: bool) -> None:
    """Print every plugin, then the reasons of those that cannot be used."""
    handles = registry.list()
    if as_json:
        print_json([facts(handle) for handle in handles])
        return
    if not handles:
        click.echo("no plugins are installed")
        return
    print_table(COLUMNS, [row(handle) for handle in handles])
    for handle in handles:
        if remark := remark_on(handle):
            click.echo(f"{handle.id}: {remark}")


def show_one(registry: Registry, plugin_id: str, as_json: bool) -> None:
    """Print what the registry knows of one plugin.

    Raises:
        PluginNotFoundError: It is not installed; the message has the nearest id or what to install.
    """
    handle = registry.get(plugin_id)
    if handle is None:
        provider = provider_of("plugins", plugin_id)
        ids = [known.id for known in registry.list()]
        remedy = (
            f"; install it with: {provider.install}" if provider else did_you_mean(plugin_id, ids)
        )
        raise PluginNotFoundError(plugin_id, f"no plugin {plugin_id!r} is installed{remedy}")
    if as_json:
        print_json({**facts(handle), "explanation": registry.explain(plugin_id)})
    else:
        click.echo(registry.explain(plugin_id))


def facts(handle: PluginHandle) -> dict[str, Any]:
    """Return what `--json` says about a plugin."""
    return {
        "id": handle.id,
        "version": handle.version,
        "summary": handle.metadata.summary,
        "capabilities": [str(capability) for capability in handle.metadata.capabilities],
        "services": list(handle.metadata.provides),
        "state": str(handle.state),
        "opaque": handle.is_opaque,
        "reason": handle.reason,
        "origin": handle.origin,
    }


def remark_on(handle: PluginHandle) -> str:
    """Return what a reader should know about a plugin that the table cannot say, or nothing."""
    if handle.is_opaque and not handle.reason:
        return "opaque: without a manifest nobody finds it by what it can do"
    return handle.reason


def row(handle: PluginHandle) -> list[str]:
    """Return the cells of a plugin under `COLUMNS`."""
    known = facts(handle)
    return [
        ", ".join(known[column]) if isinstance(known[column], list) else str(known[column])
        for column in COLUMNS
    ]
