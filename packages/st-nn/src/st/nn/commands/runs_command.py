"""``st runs``: what was trained here, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from st.core import StError
from st.nn.checkpoint import read_config
from st.nn.commands.options import json_option
from st.nn.commands.text import columns, print_json
from st.nn.files import complete_folder
from st.nn.run import RunDirectory, RunDirectoryError

output_option = click.option(
    "--output",
    metavar="DIRECTORY",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where the runs are.",
)


@click.group(invoke_without_command=True)
@output_option
@json_option
@click.pass_context
def runs(ctx: click.Context, output: Path, as_json: bool) -> None:
    """List the runs made here, and show one."""
    if ctx.invoked_subcommand is None:
        _list(output, as_json)


@runs.command("list")
@output_option
@json_option
def list_runs(output: Path, as_json: bool) -> None:
    """List the runs, the oldest first."""
    _list(output, as_json)


@runs.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@json_option
def show(run: Path, as_json: bool) -> None:
    """Show what RUN was made of, and how it went."""
    directory = RunDirectory(run)
    config = directory.read_config()
    told = _told(directory, config)
    if as_json:
        print_json({**told, "config": config})
        return
    facts = [
        ("run", str(run)),
        ("started", told["started"]),
        *(("resumed", f"{each['at']} after epoch {each['epoch']}") for each in told["resumed"]),
        ("file", str(config.get("file", ""))),
        ("seed", str(told["seed"])),
        ("backend", _backend(config)),
        ("epochs", _epochs(told)),
        *(
            (name.replace("_", " "), f"{value:.4g}")
            for name, value in told["metrics"].items()
            if name != "epoch"
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in config.get("versions", {}).items())),
    ]
    for line in columns([fact for fact in facts if fact[1]]):
        click.echo(line)


def _list(output: Path, as_json: bool) -> None:
    found, refused = [], []
    for path in sorted(output.glob("*/config.json")):
        directory = RunDirectory(path.parent)
        try:
            found.append(_told(directory, directory.read_config()))
        except StError as error:
            refused.append(f"not listed: {error}")
    found.sort(key=lambda told: told["started"])
    if as_json:
        print_json(found)
    elif not found:
        click.echo(f"no run in {output}")
    else:
        for line in columns(
            [("run", "started", "seed", "backend", "epochs", ""), *map(_row, found)]
        ):
            click.echo(line)
    for line in refused:
        click.echo(line, err=True)


def _told(directory: RunDirectory, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is to tell of a run; figures are those of its model, if it has one."""
    model: Mapping[str, Any] = {}
    if complete_folder(directory.model).is_dir():
        model = read_config(directory.model)
    try:
        return {
            "run": str(directory.path),
            "name": config["experiment"]["name"],
            "started": config["started"],
            "resumed": config.get("resumed", []),
            "seed": config["seed"],
            "backend": config["backend"]["name"],
            "epoch": int(model.get("epoch", 0)),
            "epochs": config["experiment"]["epochs"],
            "metrics": {name: float(value) for name, value in model.get("metrics", {}).items()},
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunDirectoryError(f"{directory.path} does not tell of a run: {error!r}") from None


def _row(told: Mapping[str, Any]) -> tuple[str, ...]:
    figures = [
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in told["metrics"].items()
        if name == "loss" or name.startswith("held_out")
    ]
    place = (told["run"], told["started"][:19].replace("T", " "), str(told["seed"]))
    return (*place, told["backend"], _epochs(told), ", ".join(figures))


def _epochs(told: Mapping[str, Any]) -> str:
    return f"{told['epoch']}/{told['epochs']}"


def _backend(config: Mapping[str, Any]) -> str:
    backend = config["backend"]
    return f"{backend['description']} ({backend['reason']})"
