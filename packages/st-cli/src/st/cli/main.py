"""The root command `st` and how every run of it ends: exit code, one clear line for an error."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import click
from click.shell_completion import CompletionItem

from st.cli.log import warnings_in_one_line
from st.cli.subcommands import CommandLoadError, help_sentences, subcommands
from st.core import StError
from st.core.catalog import names_of, provider_of
from st.core.nearest import nearest


class UnknownCommandError(StError, LookupError):
    """No installed distribution offers a sub-command of that name."""


class SubcommandGroup(click.Group):
    """A click group whose sub-commands are entry points; help and completion import none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all sub-commands."""
        return list(subcommands())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return the sub-command `name`; while completing, None if that fails.

        Raises:
            UnknownCommandError: Nobody offers it.
            CommandLoadError: It cannot be imported.
        """
        found = subcommands().get(name)
        if found is None:
            if ctx.resilient_parsing or name.startswith("-"):
                return None
            raise UnknownCommandError(describe_unknown(name))
        try:
            return found.load()
        except CommandLoadError:
            if ctx.resilient_parsing:
                return None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one sentence per sub-command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(help_sentences(subcommands()).items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the sub-commands and options that begin with `incomplete`."""
        sentences = help_sentences(subcommands())
        fitting = [
            CompletionItem(name, help=sentence)
            for name, sentence in sentences.items()
            if name.startswith(incomplete)
        ]
        return [*fitting, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> None:
        """Run the sub-command; with `--debug`, show the traceback of whatever ends it."""
        try:
            with warnings_in_one_line(has_tracebacks=ctx.params["debug"]):
                super().invoke(ctx)
        except (click.exceptions.Exit, click.UsageError):
            raise
        except BaseException:
            if ctx.params["debug"]:
                traceback.print_exc()
            raise


def describe_unknown(name: str) -> str:
    """Return what to tell someone who asked for a sub-command that is not installed.

    That is the nearest name, and what installs it where the catalogue knows that.
    """
    installed = subcommands()
    if provider := provider_of("commands", name):
        return f"no command {name!r}; it comes with {provider.distribution}: {provider.install}"
    meant = nearest(name, [*installed, *names_of("commands")])
    if meant is None:
        return f"no command {name!r}; installed are {', '.join(installed)}"
    provider = None if meant in installed else provider_of("commands", meant)
    source = f" It comes with {provider.distribution}: {provider.install}" if provider else ""
    return f"no command {name!r}; did you mean {meant!r}?{source}"


@click.command(
    "st",
    cls=SubcommandGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(None, "--version", package_name="st-cli", message="st %(version)s")
@click.pass_context
def st(ctx: click.Context, debug: bool) -> None:
    """Machine learning assembled from plugins.

    Every installed distribution may add commands; this list imports none of them.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `st` with `arguments` (those of the process if None) and return the exit code.

    0: done. 1: what the command looked at is broken, or its output cannot be written. 2: bad
    input, one clear line on standard error. 130: interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character gets "?" for it, never a traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        code: int | None = st.main(arguments, prog_name="st", standalone_mode=False)
        # Here, where a full disk can still be told; at exit Python would print a traceback.
        # It is None where the caller closed it.
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "st"
        # Click lists choices a line each.
        message = " ".join(error.format_message().split())
        return complain(f"{message} (see {path} --help)")
    except click.ClickException as error:
        return complain(error.format_message())
    except click.Abort as error:
        return 130 if isinstance(error.__context__, KeyboardInterrupt) else 1
    except StError as error:
        return complain(str(error))
    except OSError as error:
        if error.filename is not None:
            return complain(f"{error.filename}: {error.strerror}")
        # Without a file it is the standard output, on a disk that is full.
        give_up_output()
        return complain(f"cannot write the output: {error.strerror or error}", 1)
    return code or 0


def give_up_output() -> None:
    """Let what is still to be written go nowhere, or Python would try again at exit."""
    with suppress(OSError, ValueError):  # it is no file, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def complain(message: str, code: int = 2) -> int:
    """Write the error `message` to standard error and return the exit code."""
    click.echo(f"error: {message}", err=True)
    return code


def report_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say in one line what nobody foresaw; a `sys.excepthook`, so the exit code is 1."""
    click.echo(
        f"error: {kind.__name__}: {error} (a defect; `st --debug` before the command shows where)",
        err=True,
    )
