"""`st monitor`: look at what happened in a run, from its directory alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from st.core import StError
from st.monitor.store.files import RunFiles, write_text
from st.monitor.store.recorded import RecordedRun, read_run
from st.monitor.traffic import plugin_facts
from st.monitor.verify import verify as findings
from st.monitor.views.compare import Row
from st.monitor.views.compare import compare as compared
from st.monitor.views.graph import graph_mermaid, graph_page
from st.monitor.views.report import write_report
from st.monitor.views.timeline import clock, outline
from st.monitor.views.top import line
from st.monitor.views.top import top as picture

__all__ = ["DamagedRecordError", "ReportError", "monitor"]

RUN = click.argument("run", type=click.Path(path_type=Path))
OUTPUT = click.option("--output", type=click.Path(path_type=Path), metavar="FILE")
PERIOD_S = 1.0


class ReportError(StError, OSError):
    """A file cannot be written where it was asked for."""


class DamagedRecordError(StError, ValueError):
    """The record of a run is not whole."""


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
    with _writing(output or RunFiles(run).report):
        path = write_report(run, output)
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
            click.echo(line(f"{told} {outline(entry.fields)}"))
    for fault in recorded.faults:
        click.echo(f"note: {fault}", err=True)


@monitor.command()
@RUN
@click.option("--once", is_flag=True, help="Show it once instead of following the run.")
def top(run: Path, once: bool) -> None:
    """Follow a run in the terminal; Ctrl-C ends it."""
    from rich.live import Live

    console = Console()
    if once:
        console.print(picture(read_run(run)))
        return
    with Live(picture(read_run(run)), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(PERIOD_S)
            live.update(picture(read_run(run, latest_only=True)), refresh=True)


@monitor.command()
@RUN
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, help="The port; any that is free unless given.")
@click.option("--expose", is_flag=True, help="Let other machines in, by an address of theirs.")
def serve(run: Path, host: str, port: int, expose: bool) -> None:
    """Serve a run as a live page; Ctrl-C ends it.

    Whoever has the printed address may look. Figures for Prometheus are at /metrics, for which
    it takes the token as a parameter or as a bearer token.
    """
    from st.monitor.exporters.prometheus import prometheus_text
    from st.monitor.views.live import live_content
    from st.monitor.web.server import LiveServer

    def told(tell: Callable[[RecordedRun], str]) -> Callable[[], str]:
        return lambda: tell(read_run(run, latest_only=True))

    read_run(run)
    contents = (told(live_content), told(prometheus_text))
    with LiveServer(*contents, host=host, port=port, is_exposed=expose) as server:
        click.echo(server.address)
        server.serve_forever()


@monitor.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
def compare(first: Path, second: Path) -> None:
    """Say what two runs differ in.

    That is their outcome, settings, the last values of curves, and the medians of operators.
    """
    found = compared(read_run(first), read_run(second))
    console = Console()
    names = (line(first.name), line(second.name))
    for title, rows in (
        ("outcome", found.outcome),
        ("settings that differ", found.settings),
        ("curves, last value", found.curves),
        ("operators, median", found.operators),
    ):
        if rows:
            console.print(_table(title, names, rows))


def _table(title: str, names: tuple[str, str], rows: tuple[Row, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in (title, *names, "change"):
        table.add_column(Text(column))
    for row in rows:
        table.add_row(*(Text(line(cell)) for cell in row))
    table.add_row("")
    return table


@monitor.command()
@RUN
@OUTPUT
@click.option("--format", "kind", type=click.Choice(["svg", "mermaid"]), default="mermaid")
def graph(run: Path, kind: str, output: Path | None) -> None:
    """Draw the plugins of a run, what they require and what they heard."""
    facts = plugin_facts(read_run(run))
    text = graph_page(facts) if kind == "svg" else graph_mermaid(facts)
    if output is None:
        click.echo(text, nl=False)
        return
    with _writing(output):
        write_text(output, text)


@monitor.command()
@RUN
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "csv", "chrome"]),
    required=True,
    help="Everything as JSON lines, curves as CSV, or a trace for Perfetto.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", required=True, help="Where to."
)
@click.option("--max-mib", default=256, show_default=True, help="Cap of the trace, in MiB.")
def export(run: Path, kind: str, output: Path, max_mib: int) -> None:
    """Write a run in the format of other programs."""
    from st.monitor.exporters.chrome import write_chrome
    from st.monitor.exporters.tables import write_csv, write_jsonl

    recorded = read_run(run)
    with _writing(output):
        if kind == "chrome":
            wrote = write_chrome(recorded, output, max_mib << 20)
            if wrote.n_left_out:
                click.echo(
                    f"note: {wrote.n_left_out} events beyond {max_mib} MiB left out", err=True
                )
        else:
            (write_csv if kind == "csv" else write_jsonl)(recorded, output)
    click.echo(output)


@monitor.command()
@RUN
def verify(run: Path) -> None:
    """Check the record of a run: lines, checksums, accounts."""
    found = findings(run)
    for finding in found:
        click.echo(f"{'ok ' if finding.is_good else 'BAD'}  {line(finding.told)}")
    n_bad = sum(not finding.is_good for finding in found)
    if n_bad:
        raise DamagedRecordError(f"the record of {run} is not whole: {n_bad} findings above")


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, StError):
            raise
        raise ReportError(
            f"cannot write {where}: {error.strerror or error}; choose another place by --output"
        ) from error
