"""``st train``: from an experiment file to a trained model, and what one sees meanwhile."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from st.core import PluginState, Registry, init_plugin_system
from st.core.handle import USABLE
from st.nn.backends import AUTO, BackendChoice, choose_backend
from st.nn.commands.options import plugin_option, set_option
from st.nn.commands.progress import Progress
from st.nn.commands.terminal import has_colour, make_console, side_by_side
from st.nn.commands.text import columns
from st.nn.data import Dataset
from st.nn.experiment import (
    CheckedExperiment,
    ExperimentRun,
    RunResult,
    check_experiment,
    described,
)
from st.nn.experiment.panels import mistake_caption, mistakes, picture
from st.nn.experiment.settings import with_settings
from st.nn.faults import TIMES
from st.nn.pipeline import layer_rows
from st.nn.run import latest_run

_SHOWN_MISTAKES = 3
_SHOWN_PROMPT = 12
_COUNTS = ("Nothing", "One", "Two", "Three")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--backend", metavar="NAME", help="Compute there, whatever the file says.")
@set_option
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the last run of FILE, or with the run directory FILE.",
)
@plugin_option
@click.pass_context
def train(
    ctx: click.Context,
    file: Path,
    backend: str | None,
    settings: tuple[str, ...],
    resume: bool,
    plugins: tuple[Path, ...],
) -> None:
    """Train a model from an experiment FILE."""
    console = make_console()
    with init_plugin_system() as registry:
        for plugin in plugins:
            registry.load_path(plugin)
        document, directory = described(file, resume=resume)
        document = with_settings(document, settings)
        checked = check_experiment(document, registry, backend=backend)
        if resume and directory is None:
            directory = latest_run(Path(checked.config.output), checked.config.name)
        _print_data(console, checked)
        choice = choose_backend(registry, checked.config.backend)
        run = ExperimentRun(checked, choice, registry, resume=directory)
        _print_plan(console, run, choice, registry)
        if resume:
            _print_fact(console, "resumes", _resumed(run))
        try:
            with Progress(console, registry.bus, checked.config.epochs, checked.learned):
                result = run.run()
        except KeyboardInterrupt:
            click.echo(_interrupted(run), err=True)
            ctx.exit(130)
        if checked.held_out.is_text:
            _print_surprise(console, checked, result)
            use = f"st generate {{run}} --prompt {shlex.quote(_prompt(checked.held_out))}"
        else:
            wrong = mistakes(checked.held_out, result.evaluation)
            _print_result(console, checked, result, wrong[:_SHOWN_MISTAKES])
            row = int(checked.held_out.rows[wrong[0] if wrong else 0])
            use = f"st predict {{run}} --row {row}"
        _print_written(console, result)
        use = use.replace("{run}", _quoted(result.directory.path))
        _print_next(console, file, use, _others(registry, choice))


def _print_data(console: Console, checked: CheckedExperiment) -> None:
    learned, held_out = checked.learned, checked.held_out
    if learned.is_text:
        n_learned, n_held_out = (data.y.size for data in (learned, held_out))
        _print_fact(
            console,
            checked.config.name,
            f"{n_learned:,} characters to learn, {n_held_out:,} held out · "
            f"{len(learned.classes):,} different ones · windows of {learned.x.shape[1]:,} · "
            f"seed {checked.config.seed}",
        )
        return
    shape = TIMES.join(map(str, learned.input_shape))
    is_image = picture(learned.x[0]) is not None
    what = f"images {shape}" if is_image else f"rows of {shape} numbers"
    _print_fact(
        console,
        checked.config.name,
        f"{len(learned) + len(held_out):,} {what} · {len(learned):,} to learn, "
        f"{len(held_out):,} held out · seed {checked.config.seed}",
    )


def _print_plan(
    console: Console, run: ExperimentRun, choice: BackendChoice, registry: Registry
) -> None:
    handles = registry.list()
    packages = {handle.distribution for handle in handles if handle.distribution}
    needed = [handle.id for handle in handles if handle.state is PluginState.ACTIVE]
    _print_fact(
        console,
        "found",
        f"{len(handles)} plugins in {len(packages)} package{'s' * (len(packages) != 1)}, "
        f"{len(needed)} needed: {', '.join(needed)}",
    )
    reason = f" ({choice.reason})" if run.checked.config.backend.casefold() == AUTO else ""
    _print_fact(
        console,
        "backend",
        f"{choice.backend.description}{reason} · one step = {run.step.n_calls} calls, "
        f"{run.step.n_bytes / 1e6:.2f} MB, checked against eager",
    )
    titles, *rows = columns([("#", "module", "output", "parameters"), *layer_rows(run.model)])
    console.print(Text(f" {titles}", "bold"))
    for row in rows:
        console.print(Text(f" {row}"))


def _print_result(
    console: Console, checked: CheckedExperiment, result: RunResult, wrong: list[int]
) -> None:
    held_out, evaluation = checked.held_out, result.evaluation
    if held_out.classes:
        line = Text(f"{result.accuracy:.3f} correct", "bold")
        counted = f" ({evaluation.n_correct:,} of {len(held_out):,})"
        rest = f"{_COUNTS[len(wrong)]} it got wrong{':' if wrong else '.'}"
    else:
        figures = [f"{name} {value:.4g}" for name, value in evaluation.metrics.items()]
        line = Text(", ".join(figures), "bold")
        counted = f" ({len(held_out):,} rows)"
        rest = f"{_COUNTS[len(wrong)]} furthest off:"
    line.append(f"{counted} in {result.seconds:.1f} s. {rest}", "not bold")
    console.print(line)
    captions = [mistake_caption(held_out, evaluation, index) for index in wrong]
    pictures = [picture(held_out.x[index]) for index in wrong]
    images = [image for image in pictures if image is not None]
    if images:
        for row in side_by_side(images, captions, in_colour=has_colour(console)):
            console.print(row)
    else:
        for index, caption in zip(wrong, captions, strict=True):
            console.print(Text(f"  row {held_out.rows[index]}: {caption}"))


def _print_surprise(console: Console, checked: CheckedExperiment, result: RunResult) -> None:
    line = Text(f"{result.evaluation.metrics['nats']:.3f} nats per character", "bold")
    rest = f" ({checked.held_out.y.size:,} held out, {result.accuracy:.1%} told right)"
    console.print(line.append(f"{rest} in {result.seconds:.1f} s.", "not bold"))


def _prompt(held_out: Dataset) -> str:
    """Return the beginning of a line that was not learned from."""
    text = "".join(held_out.classes[code] for code in held_out.x[0])
    lines = [line for line in text.splitlines()[1:] if len(line.split()) > 1] or [text]
    return lines[0][:_SHOWN_PROMPT]


def _print_written(console: Console, result: RunResult) -> None:
    """Name what people open: the model, then pages and texts of plugins, pages first."""
    opened = [name for name in result.directory.contents() if not name.endswith(".json")]
    opened.sort(key=lambda name: (not name.endswith("/"), not name.endswith(".html")))
    contents = "  ".join(
        f"{name} (open it, works offline)" if name.endswith(".html") else name for name in opened
    )
    _print_fact(console, "wrote", f"{result.directory.path}/  {contents}", width=6)


def _print_next(console: Console, file: Path, use: str, other_backends: list[str]) -> None:
    commands = [use]
    if file.is_file():
        commands += [f"st train {_quoted(file)} --backend {name}" for name in other_backends[:1]]
    broken = file.with_name("broken.toml")
    if broken.is_file() and broken != file:
        commands.append(f"st train {_quoted(broken)}")
    _print_fact(console, "next", " | ".join(commands), width=6)


def _others(registry: Registry, choice: BackendChoice) -> list[str]:
    """Return the backends one could try instead: installed, and not found unusable."""
    return [
        capability.name.casefold()
        for handle in registry.list()
        for capability in handle.metadata.capabilities
        if capability.kind == "Backend"
        and handle.id != choice.plugin_id
        and handle.state in {*USABLE, PluginState.UNLOADED}
    ]


def _interrupted(run: ExperimentRun) -> str:
    epoch = run.keeper.saved_epoch if run.keeper is not None else 0
    if epoch and run.directory is not None:
        return f"interrupted; {run.directory.model} holds the model of epoch {epoch}"
    return "interrupted before the first epoch was over; there is no model yet"


def _resumed(run: ExperimentRun) -> str:
    if run.directory is None:
        return "nothing: there is no run of that name yet, a new one begins"
    trainer = run.trainer
    place = f" and {trainer.n_batches:,} batches" if trainer.n_batches else ""
    return f"{run.directory.path} after epoch {trainer.epoch}{place}"


def _print_fact(console: Console, name: str, text: str, width: int = 10) -> None:
    console.print(Text(f"{name:<{width - 1}} ", "bold").append(text, "not bold"))


def _quoted(path: Path) -> str:
    return shlex.quote(str(path)) if " " in str(path) else str(path)
