"""``st opencl``: the devices of this machine and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from st.backend.opencl.device import Device, DeviceNotFoundError, choose, find_devices, install_hint
from st.core import init_plugin_system

COLUMNS = ("", "#", "device", "platform", "kind", "units", "memory", "float64", "driver")


@click.group()
def opencl() -> None:
    """Show the OpenCL devices of this machine and what is wrong with them."""


@opencl.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices(as_json: bool) -> None:
    """List every OpenCL device; a star marks the one that is used."""
    found = find_devices()
    used = _used(found)
    if as_json:
        click.echo(json.dumps([_facts(device, used) for device in found], indent=2))
        return
    if not found:
        click.echo(f"No OpenCL device. {install_hint()}")
        return
    click.echo(_table([COLUMNS, *(_row(device, used) for device in found)]))
    if used is None:
        click.echo("None of them is the configured one: `st opencl doctor` says more.")
    else:
        click.echo("* is used. Another: ST_OPENCL_DEVICE=<number, gpu, cpu or part of a name>")


@opencl.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what was looked at and which command mends what is broken; exit code 1 if anything is."""
    from st.backend.opencl.doctor import examine

    findings = tuple(examine(_configured()))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        click.echo(_table([(x.state, x.what, x.found) for x in findings]))
        for finding in findings:
            if finding.remedy:
                click.echo(f"\n{finding.what}: {finding.remedy}", nl=False)
        click.echo()
    if any(finding.state == "broken" for finding in findings):
        ctx.exit(1)


def _configured() -> str:
    """Return the device named by the configuration of the plugin "opencl", if any."""
    with init_plugin_system() as registry:
        return str(registry.config.get("opencl", "device", "") or "")


def _used(found: Sequence[Device]) -> Device | None:
    try:
        return choose(found, _configured())
    except DeviceNotFoundError:
        return None


def _facts(device: Device, used: Device | None) -> dict[str, Any]:
    names = [name for name in Device.__dataclass_fields__ if name != "handle"]
    facts = {name: getattr(device, name) for name in names}
    return {**facts, "is_used": device is used}


def _row(device: Device, used: Device | None) -> tuple[str, ...]:
    return (
        "*" if device is used else "",
        str(device.index),
        device.name,
        device.platform,
        device.kind,
        str(device.n_units),
        f"{device.n_bytes / 2**30:.1f} GiB",
        "yes" if device.has_float64 else "no",
        device.driver,
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of columns, the last one as long as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)
