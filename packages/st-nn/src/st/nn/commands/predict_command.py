"""``st predict``: what a trained model says of one row of its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from st.core import Registry, init_plugin_system
from st.nn.commands.options import json_option, plugin_option
from st.nn.commands.terminal import bar, has_colour, make_console, side_by_side
from st.nn.commands.text import print_json
from st.nn.data import DataError
from st.nn.experiment.panels import picture
from st.nn.experiment.run_data import data_of
from st.nn.faults import printable
from st.nn.run import RunDirectory
from st.nn.saved import SavedModel, load

_SHOWN_CLASSES = 3
_SHOWN_CHARACTERS = 40
_BAR = 30


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the data of a run."""

    number: int
    is_held_out: bool
    source: str
    example: NDArray[np.float32]
    truth: str
    text: str = ""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--row", "number", type=int, default=1, help="Row of the data, counted from 1.")
@plugin_option
@json_option
def predict(run: Path, number: int, plugins: tuple[Path, ...], as_json: bool) -> None:
    """Show what the model of RUN says of one row of its data."""
    directory = RunDirectory(run)
    directory.read_config()  # a folder that is no run is refused before anything is loaded
    with init_plugin_system() as registry:
        for plugin in plugins:
            registry.load_path(plugin)
        model = load(run, registry=registry)
        row = _row(directory, number, registry)
        # The data was scaled when it was read; the model scales what it is given.
        x = row.example[np.newaxis] / np.float32(model.config.scale)
        shares = model.probabilities(x)[0] if model.classes else model(x)[0]
        if model.config.is_text:
            shares = shares[-1]  # what comes after the whole window
    if not model.classes:
        _say_number(directory, row, float(shares[0]), as_json=as_json)
    elif as_json:
        print_json(_as_json(directory, model, row, shares))
    else:
        _print(model, row, shares)


def _say_number(directory: RunDirectory, row: _Row, said: float, *, as_json: bool) -> None:
    if as_json:
        told = {"run": str(directory.path), "row": row.number, "held_out": row.is_held_out}
        print_json({**told, "truth": float(row.truth), "answer": said})
        return
    click.echo(f"{_what(row)}\nsays {said:.6g}")


def _what(row: _Row) -> str:
    known = "held out" if row.is_held_out else "learned from"
    if row.text:
        shown = row.text[-_SHOWN_CHARACTERS:]
        return f"window {row.number} of {row.source}, {known}: after {shown!r} is {row.truth!r}"
    return f"row {row.number} of {row.source}, {known}: it is {printable(row.truth)}"


def _row(directory: RunDirectory, number: int, registry: Registry) -> _Row:
    data, _, held_out = data_of(directory, registry)
    if not 1 <= number <= len(data):
        raise DataError(data.source, "path", f"a row from 1 to {len(data)}", str(number))
    index = number - 1
    if data.is_text:
        text = "".join(data.classes[code] for code in data.x[index])
        truth = data.classes[data.y[index, -1]]
        return _Row(number, number in held_out.rows, data.source, data.x[index], truth, text)
    return _Row(
        number,
        number in held_out.rows,
        data.source,
        data.x[index],
        data.classes[data.y[index]] if data.classes else f"{data.y[index, 0]:.6g}",
    )


def _as_json(
    directory: RunDirectory, model: SavedModel, row: _Row, shares: NDArray[Any]
) -> dict[str, Any]:
    return {
        "run": str(directory.path),
        "row": row.number,
        "held_out": row.is_held_out,
        **({"text": row.text} if row.text else {}),
        "truth": row.truth,
        "answer": model.classes[shares.argmax()],
        "probabilities": dict(zip(model.classes, map(float, shares), strict=True)),
    }


def _print(model: SavedModel, row: _Row, shares: NDArray[Any]) -> None:
    console = make_console()
    console.print(Text(_what(row)))
    image = picture(row.example)
    if image is not None:
        for line in side_by_side([image], [""], in_colour=has_colour(console)):
            console.print(line)
    best = shares.argsort()[::-1][:_SHOWN_CLASSES]
    # Characters are quoted, since some cannot be seen.
    names = [repr(name) if row.text else printable(name) for name in model.classes]
    width = max(len(names[label]) for label in best)
    for place, label in enumerate(best):
        name = model.classes[label]
        line = Text("says " if place == 0 else "  or ")
        line.append(f"{names[label]:<{width}}", "bold" if place == 0 else "")
        line.append(f"  {shares[label]:.3f}  ")
        line.append(
            bar(float(shares[label]), _BAR).rstrip(), "green" if name == row.truth else "red"
        )
        line.rstrip()
        console.print(line)
