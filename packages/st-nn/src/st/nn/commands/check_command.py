"""``st check``: every fault of an experiment file, and what it describes when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from st.core import init_plugin_system
from st.nn.commands.options import json_option, plugin_option, set_option
from st.nn.commands.text import print_json
from st.nn.experiment.check import CheckedExperiment, check_experiment
from st.nn.experiment.document import ExperimentFileError, read_document
from st.nn.experiment.settings import with_settings
from st.nn.faults import TIMES, DescriptionError, Fault, printable


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@set_option
@json_option
@plugin_option
@click.pass_context
def check(
    ctx: click.Context,
    file: Path,
    settings: tuple[str, ...],
    as_json: bool,
    plugins: tuple[Path, ...],
) -> None:
    """Tell every fault of an experiment FILE, and start nothing."""
    with init_plugin_system() as registry:
        for plugin in plugins:
            registry.load_path(plugin)
        try:
            checked = check_experiment(with_settings(read_document(file), settings), registry)
        except (DescriptionError, ExperimentFileError) as error:
            if not as_json:
                raise
            faults = [_as_json(fault) for fault in _faults(error)]
            print_json({"file": str(file), "sound": False, "faults": faults})
            ctx.exit(2)
        if as_json:
            print_json({"file": str(file), "sound": True, "faults": []})
            return
        click.echo(f"{printable(str(file))}: no faults")
        click.echo(_rows(checked))
        click.echo(checked.pipeline.summary())


def _faults(error: DescriptionError | ExperimentFileError) -> tuple[Fault, ...]:
    if isinstance(error, DescriptionError):
        return error.faults
    return (Fault((), "TOML", error.reason, line=error.line, column=error.column),)


def _as_json(fault: Fault) -> dict[str, Any]:
    return {
        "path": list(fault.path),
        "line": fault.line,
        "column": fault.column,
        "expected": fault.expected,
        "given": fault.given,
        "nearest": fault.nearest,
        "install": fault.install,
    }


def _rows(checked: CheckedExperiment) -> str:
    learned, held_out = checked.learned, checked.held_out
    if learned.is_text:
        return (
            f"{learned.y.size:,} characters to learn from, {held_out.y.size:,} held out, "
            f"{len(learned.classes):,} different ones"
        )
    shape = TIMES.join(map(str, learned.input_shape))
    told = f"{len(learned.classes):,} classes" if learned.classes else "numbers to tell"
    return f"{len(learned):,} rows of {shape} to learn from, {len(held_out):,} held out, {told}"
