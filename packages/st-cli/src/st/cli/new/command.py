"""The command `st new`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from st.cli.doctor.distributions import known_offers
from st.cli.new.package import KINDS, PackageName, PackageNameError, create
from st.cli.subcommands import subcommands
from st.core import Registry


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    required=True,
    help="What it offers: a service, a module that experiment files can name, a backend that runs "
    "them, or a sub-command of st.",
)
def new(name: str, kind: str) -> None:
    """Start a plugin package of your own in the directory ./st-NAME.

    It installs with pip, is found by every part of SpiralTorch without being imported, and has
    tests that pass; change it from there.
    """
    checked = PackageName(name)
    refuse_taken(checked)
    made = create(checked, kind, Path(), version("st-core"))
    click.echo(f"wrote {made}/")
    for file in sorted(path for path in made.rglob("*") if path.is_file()):
        click.echo(f"      {file.relative_to(made).as_posix()}")
    click.echo(f"next  python -m pip install -e ./{made} pytest")
    click.echo(f"      python -m pytest {made}")
    click.echo(f"      st plugins {checked.plugin_id}")


def refuse_taken(name: PackageName) -> None:
    """Refuse a name that something installed has: plugin, service, module, command, distribution.

    Raises:
        PackageNameError: It is taken; the message says by whom.
    """
    plugin_id, services = name.plugin_id, {name.plugin_id, name.backend_service}
    taken = [
        f"command of {command.distribution}"
        for command in subcommands().values()
        if command.name == plugin_id
    ]
    with Registry() as registry:
        registry.discover()
        for one in registry.list():
            if one.id == plugin_id:
                taken.append(f"plugin of {one.origin}")
            taken += [
                f"service {service} of {one.origin}"
                for service in (offer.partition(">")[0] for offer in one.metadata.provides)
                if service in services
            ]
        taken += [
            f"module of {contribution.distribution}"
            for contribution in registry.contributions("st.nn.modules")
            if plugin_id in contribution.table
        ]
    if taken:
        raise PackageNameError(f"{plugin_id!r} is the {taken[0]} already; choose another name")
    if name.distribution in known_offers() or is_installed(name.distribution):
        raise PackageNameError(
            f"{plugin_id!r}: there is a distribution {name.distribution} already, which pip would "
            "replace; choose another name"
        )


def is_installed(distribution: str) -> bool:
    """Whether a distribution of that name is installed."""
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
