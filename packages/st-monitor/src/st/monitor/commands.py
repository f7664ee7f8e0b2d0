"""`st monitor`: look at what happened in a run, from its directory alone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from st.core import StError
from st.monitor.store.files import RunFiles
from st.monitor.store.recorded import read_run
from st.monitor.views.html import visible
from st.monitor.views.report import write_report
from st.monitor.views.timeline import clock, outline

__all__ = ["ReportError", "monitor"]

RUN = click.argument("run", type=click.Path(path_type=Path))


class ReportError(StError, OSError):
    """A report cannot be written where it was asked for."""


@click.group()
def monitor() -> None:
    """Look at what happened in a run."""


@monitor.command()
@RUN
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the report goes; by default monitor/report.html in the run.",
)
def report(run: Path, output: Path | None) -> None:
    """Write the report of a run: one HTML file, to be opened offline."""
    try:
        path = write_report(run, output)
    except OSError as error:
        if isinstance(error, StError):
            raise
        where = output or RunFiles(run).report
        raise ReportError(
            f"cannot write {where}: {error.strerror or error}; choose another place by --output"
        ) from error
    click.echo(path)


@monitor.command()
@RUN
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def events(run: Path, as_json: bool) -> None:
    """List the events of a run in order."""
    recorded = read_run(run)
    for entry in recorded.entries:
        if as_json:
            facts = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
            click.echo(json.dumps(facts, allow_nan=False))
        else:
            told = f"{entry.seq:>6} {clock(entry.elapsed_s):>12}  {entry.event:<18}"
            click.echo(_one_line(f"{told} {outline(entry.fields)}"))
    for fault in recorded.faults:
        click.echo(f"note: {fault}", err=True)


def _one_line(text: str) -> str:
    """Return `text` without anything a terminal would obey."""
    return visible(text).replace("\n", "␊").replace("\t", " ").rstrip()
