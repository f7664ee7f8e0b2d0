"""``st generate``: text from a language model, shown as it is made."""

from __future__ import annotations

from pathlib import Path

import click

from st.core import init_plugin_system
from st.nn.commands.options import plugin_option
from st.nn.faults import printable
from st.nn.generation import generate as characters
from st.nn.saved import load


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--prompt", required=True, help="What the text begins with: --prompt 'def '.")
@click.option(
    "--length", type=click.IntRange(0), default=500, show_default=True, help="Characters to make."
)
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    default=0.8,
    show_default=True,
    help="Below 1 the likely becomes more likely; 0 takes the likeliest always.",
)
@click.option("--top-k", type=click.IntRange(1), help="Draw from so many of the likeliest only.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), help="The same seed gives the same text."
)
@plugin_option
@click.pass_context
def generate(
    ctx: click.Context,
    run: Path,
    prompt: str,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int | None,
    plugins: tuple[Path, ...],
) -> None:
    """Go on with a text as the language model of RUN would."""
    with init_plugin_system() as registry:
        for plugin in plugins:
            registry.load_path(plugin)
        model = load(run, registry=registry)
        text = characters(
            model, prompt, length=length, temperature=temperature, top_k=top_k, seed=seed
        )
        click.echo(prompt, nl=False)
        last = prompt
        try:
            for last in text:
                # A terminal would obey some characters; echo flushes.
                click.echo(last if last in "\n\t" else printable(last), nl=False)
        except KeyboardInterrupt:
            click.echo()
            ctx.exit(130)
    if last != "\n":
        click.echo()
