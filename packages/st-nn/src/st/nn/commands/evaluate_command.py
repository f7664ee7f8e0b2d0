"""``st evaluate``: how the model of a run does on the rows held out, or on another file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from st.core import init_plugin_system
from st.nn.commands.options import json_option, plugin_option
from st.nn.commands.terminal import make_console
from st.nn.commands.text import columns, print_json
from st.nn.data import Dataset
from st.nn.evaluation import Evaluation, evaluate_by_parts
from st.nn.experiment.panels import confusion
from st.nn.experiment.run_data import data_of, judge_of, other_data
from st.nn.faults import printable
from st.nn.run import RunDirectory
from st.nn.saved import load


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Judge by every row of this file, which has the columns of the run's data.",
)
@plugin_option
@json_option
def evaluate(run: Path, file: Path | None, plugins: tuple[Path, ...], as_json: bool) -> None:
    """Judge the model of RUN by the rows held out, or by another FILE."""
    directory = RunDirectory(run)
    with init_plugin_system() as registry:
        for plugin in plugins:
            registry.load_path(plugin)
        model = load(run, registry=registry)
        data = (
            data_of(directory, registry)[2]
            if file is None
            else other_data(directory, file, model, registry)
        )
        evaluation = evaluate_by_parts(data, judge_of(directory, model, registry))
    of = f"held out of {data.source}" if file is None else f"in {file}"
    if as_json:
        print_json(_as_json(directory, data, evaluation, is_held_out=file is None))
    else:
        _print(directory, data, evaluation, of)


def _print(directory: RunDirectory, data: Dataset, evaluation: Evaluation, of: str) -> None:
    console = make_console()
    if not data.classes:
        figures = [f"{name} {value:.4g}" for name, value in evaluation.metrics.items()]
        line = Text(", ".join(figures), "bold")
        console.print(line.append(f" ({len(data):,} rows {of})", "not bold"))
        return
    if data.is_text:
        line = Text(f"{evaluation.metrics['nats']:.4f} nats per character", "bold")
        rest = f" ({data.y.size:,} {of}; {evaluation.accuracy:.1%} told right)"
        console.print(line.append(rest, "not bold"))
        return
    line = Text(f"{evaluation.accuracy:.3f} correct", "bold")
    line.append(f" ({evaluation.n_correct:,} of {len(data):,} rows {of})", "not bold")
    console.print(line)
    rows = [
        (printable(name), f"{n_rows:,}", f"{n_correct:,}", f"{n_correct / n_rows:.3f}")
        for name, n_rows, n_correct in _by_class(data, evaluation)
    ]
    for row in columns([("class", "rows", "correct", "share"), *rows]):
        console.print(Text(f"  {row}"))


def _by_class(data: Dataset, evaluation: Evaluation) -> list[tuple[str, int, int]]:
    """Return name, rows and correct ones of every class that has rows."""
    counts = confusion(data, evaluation)
    return [
        (name, int(counts[label].sum()), int(counts[label, label]))
        for label, name in enumerate(data.classes)
        if counts[label].any()
    ]


def _as_json(
    directory: RunDirectory, data: Dataset, evaluation: Evaluation, *, is_held_out: bool
) -> dict[str, Any]:
    told = {
        "run": str(directory.path),
        "data": data.source,
        "held_out": is_held_out,
        "characters" if data.is_text else "rows": data.y.size if data.is_text else len(data),
        "metrics": dict(evaluation.metrics),
    }
    if not data.classes or data.is_text:
        return told
    return {
        **told,
        "correct": evaluation.n_correct,
        "classes": {
            name: {"rows": n_rows, "correct": n_correct}
            for name, n_rows, n_correct in _by_class(data, evaluation)
        },
    }
