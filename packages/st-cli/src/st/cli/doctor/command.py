"""The command `st doctor`."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict

import click

from st.cli.doctor.configuration import check_configuration
from st.cli.doctor.distributions import check_distributions
from st.cli.doctor.finding import Finding
from st.cli.doctor.namespace import check_namespaces
from st.cli.doctor.plugins import check_backends, check_commands, check_plugins
from st.cli.output import print_json, print_table
from st.core import Registry


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check the installation and say what mends it.

    Plugins that offer backends are activated to see whether they work here, and every sub-command
    is imported. The exit code is 1 when something that is installed is broken, else 0; what is
    not installed is no fault.
    """
    findings = examine()
    n_broken = sum(finding.status == "broken" for finding in findings)
    if as_json:
        print_json({"ok": not n_broken, "findings": [asdict(finding) for finding in findings]})
    else:
        show(findings)
        click.echo()
        click.echo(f"{n_broken} broken" if n_broken else "everything installed works")
    ctx.exit(1 if n_broken else 0)


def examine() -> list[Finding]:
    """Look at everything and return what was found, in the order to read it."""
    findings = [
        Finding("python", "ok", f"{platform.python_version()}, {sys.executable}"),
        *check_namespaces(),
        *check_distributions(),
    ]
    with Registry() as registry:
        registry.discover()
        findings += check_plugins(registry)
        findings += check_backends(registry)
        findings += check_configuration(registry)
    return [*findings, *check_commands()]


def show(findings: list[Finding]) -> None:
    """Print the findings, each remedy below what it mends."""
    rows: list[tuple[str, str, str]] = []
    for finding in findings:
        rows.append((finding.topic, finding.status, finding.detail))
        if finding.remedy:
            rows.append(("", "", f"→ {finding.remedy}"))
    print_table(("", "", ""), rows, has_titles=False)
